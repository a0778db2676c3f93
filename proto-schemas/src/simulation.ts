import { Time } from '@sidetone/contract'
import { z } from 'zod'
import { Action, ActionInput } from './action.ts'
import { Address, emptyAddress } from './common.ts'

const ms = z.int().min(0).max(86_400_000)

/** What a caller does, `at` milliseconds after the flow began. */
const CallerStep = z
  .object({ at: ms, type: z.enum(['digits', 'speech', 'hangup']), value: z.string().max(1_000).default('') })
  .strict()

/** What becomes of an action that others execute: the next one of that type or id takes it, once. */
const ScriptedAnswer = z
  .object({
    /** A type, or the id of an action. */
    action: z.string().max(64),
    /** How long it takes, in milliseconds; absent: what is usual. */
    duration: ms.optional(),
    /** What `fetch` or a service has the flow run. */
    actions: z.array(ActionInput).max(1_000).default([]),
    variables: z.record(z.string().max(255), z.string().max(32_768)).default({}),
    /** Makes it fail. */
    problem: z.string().max(1_000).optional(),
  })
  .strict()

/** Who calls, when, and what happens. */
export const Scenario = z
  .object({
    /** When the flow begins; absent: now. */
    time: z.iso.datetime({ offset: true }).optional(),
    /** Without a call, actions that need one are passed over. */
    call: z.boolean().default(true),
    source: Address.default(emptyAddress),
    destination: Address.default(emptyAddress),
    variables: z.record(z.string().max(255), z.string().max(32_768)).default({}),
    caller: z.array(CallerStep).max(1_000).default([]),
    answers: z.array(ScriptedAnswer).max(1_000).default([]),
  })
  .strict()
export type Scenario = z.infer<typeof Scenario>

const TraceEntry = z.object({
  /** Milliseconds since the flow began. */
  at: z.int(),
  type: z.enum(['action', 'failure', 'webhook', 'digits', 'speech', 'hangup', 'end']),
  /** What was executed, failed, or sent the webhook; its option is filled in. */
  action: Action.optional(),
  /** Digits, speech, or why it failed or ended. */
  value: z.string().default(''),
})
export type TraceEntry = z.infer<typeof TraceEntry>

/** What a flow did in a scenario. */
export const Simulation = z.object({
  trace: z.array(TraceEntry),
  /** `running`: it was cut off, for the reason in `error`. */
  status: z.enum(['running', 'ended']),
  error: z.string(),
  /** Milliseconds. */
  duration: z.int(),
  time_end: Time,
  final_variables: z.record(z.string(), z.string()),
})
export type Simulation = z.infer<typeof Simulation>
