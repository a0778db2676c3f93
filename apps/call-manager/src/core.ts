import type { Client } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { agentContract } from '@sidetone/proto-schemas/agent'
import type { billingContract } from '@sidetone/proto-schemas/billing'
import type { callContract } from '@sidetone/proto-schemas/call'
import type { customerContract } from '@sidetone/proto-schemas/customer'
import type { directContract } from '@sidetone/proto-schemas/direct'
import type { flowContract } from '@sidetone/proto-schemas/flow'
import type { numberContract } from '@sidetone/proto-schemas/number'
import type { OutboundConfig } from '@sidetone/proto-schemas/outbound-config'
import type { registrarContract } from '@sidetone/proto-schemas/registrar'
import type { routeContract } from '@sidetone/proto-schemas/route'
import type { storageContract } from '@sidetone/proto-schemas/storage'
import type { ttsContract } from '@sidetone/proto-schemas/tts'
import type { ResourceTable, Tx } from '@sidetone/store'
import { z } from 'zod'
import type { Signal } from './actions/action.ts'
import type { Ari } from './ari.ts'
import type { CallRow, GroupcallRow, RecordingRow } from './call-row.ts'
import type { CallEvent } from './rules.ts'

export const settings = z.object({
  /** A call is hung up after so long. */
  CALL_MAX_DURATION_SECONDS: z.coerce.number().int().min(1).max(86_400).default(3_600),
  /** A phone that we call rings so long at most. */
  CALL_DIAL_TIMEOUT_SECONDS: z.coerce.number().int().min(1).max(600).default(60),
  /** A call that comes in and that nobody answers is hung up after so long, whatever it is played meanwhile. */
  CALL_UNANSWERED_SECONDS: z.coerce.number().int().min(1).max(3_600).default(180),
  /** Limits of one customer: calls at the same time, and calls that it begins in a second. */
  CALL_MAX_CONCURRENT: z.coerce.number().int().min(1).max(100_000).default(1_000),
  CALL_MAX_PER_SECOND: z.coerce.number().int().min(1).max(10_000).default(100),
  /** `required`: only customers whose identity the operators have verified call phone numbers. */
  IDENTITY_VERIFICATION: z.enum(['optional', 'required']).default('optional'),
  /** Extensions are dialled at `<customer id>.registrar.<this>`. */
  SIP_BASE_DOMAIN: z.string().default('sidetone.localhost'),
})

type CallEventName = keyof (typeof callContract)['resources']['call']['events']

/** A new state of a call: what is stored, announced and queued with it, in one transaction. */
export interface Change {
  call: CallRow
  events?: readonly CallEventName[] | undefined
  also?: ((tx: Tx) => Promise<unknown>) | undefined
}

type Given = Pick<
  Resources<typeof callContract, z.output<typeof settings>>,
  'settings' | 'log' | 'store' | 'emit' | 'jobs' | 'outbound'
>

/** What the parts of the call manager share. */
export interface Core extends Given {
  calls: ResourceTable<CallRow>
  groupcalls: ResourceTable<GroupcallRow>
  outboundConfigs: ResourceTable<OutboundConfig>
  recordings: ResourceTable<RecordingRow>
  managers: {
    agent: Client<typeof agentContract>
    billing: Client<typeof billingContract>
    customer: Client<typeof customerContract>
    direct: Client<typeof directContract>
    flow: Client<typeof flowContract>
    number: Client<typeof numberContract>
    registrar: Client<typeof registrarContract>
    route: Client<typeof routeContract>
    storage: Client<typeof storageContract>
    tts: Client<typeof ttsContract>
  }
  /** One RTC node; without an id, any of them. */
  ari(asteriskId: string): Ari
  /** Decides on the newest state and stores the outcome; answers with it, or undefined when there was nothing to change. */
  change(id: string, decide: (call: CallRow) => Change | undefined): Promise<CallRow | undefined>
  /** The same for several calls, each of which there must be: all of them change in one transaction, or none. */
  changeAll<Ids extends readonly [string, ...string[]]>(
    ids: Ids,
    decide: (calls: { [Index in keyof Ids]: CallRow }) => Change[] | undefined,
  ): Promise<CallRow[] | undefined>
  /** Something happened to a leg. Repeats do no harm. */
  apply(id: string, event: CallEvent): Promise<void>
  /** Something happened to the action that a call runs (in that turn, if given). False when it does not run any more. */
  signal(id: string, signal: Signal, turn?: number): Promise<boolean>
  /** Moves the flow of a call on, in the background. */
  drive(id: string): void
  /** Work that nobody waits for but the end of the process. */
  inBackground(work: () => Promise<unknown>): void
}
