import {
  ById,
  Detail,
  defineContract,
  event,
  Id,
  managers,
  Name,
  OptionalId,
  operation,
  Page,
  PageQuery,
  resourceFields,
} from '@sidetone/contract'
import { z } from 'zod'
import { Action, ActionId, ActionInput } from './action.ts'
import { OptionalHttpUrl, WebhookMethod } from './common.ts'
import { planErrors } from './plan-limit.ts'
import { Scenario, Simulation } from './simulation.ts'

/** A program for calls: a list of actions. */
export const Flow = z
  .object({
    ...resourceFields,
    type: z.enum(['flow', 'conference', 'queue', 'campaign', 'transfer']),
    name: Name,
    detail: z.string(),
    actions: z.array(Action),
    direct_hash: z.string(),
    on_complete_flow_id: Id,
  })
  .meta({ id: 'Flow' })
export type Flow = z.infer<typeof Flow>

const Warning = z.object({ field: z.string(), problem: z.string() })

/** A flow as it was saved, with what is allowed in it and can hardly be meant. */
const SavedFlow = Flow.extend({ warnings: z.array(Warning) }).meta({ id: 'SavedFlow' })

export const ReferenceType = z.enum([
  '',
  'ai',
  'api',
  'call',
  'campaign',
  'conversation',
  'transcribe',
  'recording',
  'webchat',
])

/** A flow that runs (or ran). */
export const Activeflow = z
  .object({
    ...resourceFields,
    flow_id: Id,
    status: z.enum(['', 'running', 'ended']),
    reference_type: ReferenceType,
    reference_id: Id,
    reference_activeflow_id: Id,
    on_complete_flow_id: Id,
    webhook_uri: z.string(),
    webhook_method: WebhookMethod,
    current_action: Action,
    forward_action_id: ActionId,
    /** The last hundred at most. */
    executed_actions: z.array(Action),
    /** Why it was ended early, or else why an action failed last; empty when all is well. */
    error: z.string(),
  })
  .meta({ id: 'Activeflow' })
export type Activeflow = z.infer<typeof Activeflow>

/** An activeflow whose `failed_action` could not be done, for the `problem`. */
const FailedActiveflow = Activeflow.extend({ failed_action: Action, problem: z.string() })

const Variables = z.record(z.string().max(255), z.string().max(32_768))
const FlowFields = z.object({
  name: Name,
  detail: Detail,
  actions: z.array(ActionInput).max(1_000),
  on_complete_flow_id: OptionalId,
})
const Program = z.object({
  flow_id: OptionalId,
  /** Used when `flow_id` is absent. */
  actions: z.array(ActionInput).max(1_000).optional(),
  variables: Variables.default({}),
  webhook_uri: OptionalHttpUrl.default(''),
  webhook_method: WebhookMethod.default(''),
})
const ReferencedProgram = Program.extend({
  id: Id,
  /** What it is about. */
  reference_type: ReferenceType,
  reference_id: Id,
  /** The activeflow before it, whose variables it inherits. */
  reference_activeflow_id: OptionalId,
})
const flowErrors = ['FLOW_NOT_FOUND'] as const
const activeflowErrors = ['ACTIVEFLOW_NOT_FOUND'] as const
const programErrors = ['FLOW_NOT_FOUND', 'INVALID_ACTION', 'INVALID_ACTION_TYPE', 'INVALID_VARIABLES'] as const

export const flowContract = defineContract({
  name: 'flow',
  errors: {
    ...planErrors,
    FLOW_NOT_FOUND: { status: 'NOT_FOUND', message: 'The flow was not found.' },
    INVALID_ACTION_TYPE: { status: 'INVALID_ARGUMENT', message: 'There is no such action type.' },
    INVALID_ACTION: { status: 'INVALID_ARGUMENT', message: 'An action of the flow is not valid.' },
    INVALID_VARIABLES: { status: 'INVALID_ARGUMENT', message: 'variables: at most 100, 64 KB together.' },
    INVALID_ON_COMPLETE_FLOW: {
      status: 'INVALID_ARGUMENT',
      message: 'on_complete_flow_id: must be one of your own flows.',
    },
    ACTIVEFLOW_NOT_FOUND: { status: 'NOT_FOUND', message: 'The activeflow was not found.' },
    ACTIVEFLOW_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'An activeflow with this id exists already.' },
    ACTIVEFLOW_STEP_STALE: { status: 'FAILED_PRECONDITION', message: 'The activeflow has moved on already.' },
  },
  resources: {
    flow: {
      operations: {
        list: operation({
          http: 'GET /flows',
          summary: 'List flows',
          allow: managers,
          input: PageQuery,
          output: Page(Flow),
        }),
        create: operation({
          http: 'POST /flows',
          summary: 'Create a flow',
          allow: managers,
          input: FlowFields,
          output: SavedFlow,
          errors: ['INVALID_ACTION', 'INVALID_ACTION_TYPE', 'INVALID_ON_COMPLETE_FLOW', 'RESOURCE_LIMIT_EXCEEDED'],
        }),
        get: operation({
          http: 'GET /flows/{id}',
          summary: 'Get a flow',
          allow: managers,
          input: ById,
          output: Flow,
          errors: flowErrors,
        }),
        update: operation({
          http: 'PUT /flows/{id}',
          summary: 'Replace a flow',
          allow: managers,
          input: ById.extend(FlowFields.shape),
          output: SavedFlow,
          errors: ['FLOW_NOT_FOUND', 'INVALID_ACTION', 'INVALID_ACTION_TYPE', 'INVALID_ON_COMPLETE_FLOW'],
        }),
        delete: operation({
          http: 'DELETE /flows/{id}',
          summary: 'Delete a flow',
          allow: managers,
          input: ById,
          output: Flow,
          errors: flowErrors,
        }),
        direct_hash_regenerate: operation({
          http: 'POST /flows/{id}/direct-hash-regenerate',
          summary: 'Give the flow another short address; the old one stops working',
          allow: managers,
          input: ById,
          output: Flow,
          errors: flowErrors,
        }),
        simulate: operation({
          http: 'POST /flows/{id}/simulate',
          summary: 'Run the flow against a scripted caller, without a call and without asking anybody',
          allow: managers,
          idempotent: true,
          input: ById.extend(Scenario.shape),
          output: Simulation,
          errors: ['FLOW_NOT_FOUND', 'INVALID_ACTION', 'INVALID_ACTION_TYPE', 'INVALID_VARIABLES'],
        }),
      },
      events: {
        created: event(Flow, 'A flow was created', { internal: true }),
        updated: event(Flow, 'A flow was changed', { internal: true }),
        deleted: event(Flow, 'A flow was deleted', { internal: true }),
      },
    },
    activeflow: {
      operations: {
        list: operation({
          http: 'GET /activeflows',
          summary: 'List running and ended flows',
          allow: managers,
          input: PageQuery,
          output: Page(Activeflow),
        }),
        create: operation({
          http: 'POST /activeflows',
          summary: 'Run a flow without a call',
          allow: managers,
          input: Program.extend({ id: Id.optional() }),
          output: Activeflow,
          errors: [...programErrors, 'ACTIVEFLOW_ALREADY_EXISTS'],
          timeoutMs: 30_000,
        }),
        get: operation({
          http: 'GET /activeflows/{id}',
          summary: 'Get a running or ended flow',
          allow: managers,
          input: ById,
          output: Activeflow,
          errors: activeflowErrors,
        }),
        delete: operation({
          http: 'DELETE /activeflows/{id}',
          summary: 'Stop and delete it',
          allow: managers,
          input: ById,
          output: Activeflow,
          errors: activeflowErrors,
        }),
        stop: operation({
          http: 'POST /activeflows/{id}/stop',
          summary: 'Stop it; a call that it controls is hung up',
          allow: managers,
          idempotent: true,
          input: ById,
          output: Activeflow,
          errors: activeflowErrors,
        }),
        continue: operation({
          http: 'POST /activeflows/{id}/continue',
          summary: 'Let an activeflow that stands at the `block` action `current_action_id` go on',
          idempotent: true,
          input: ById.extend({ current_action_id: ActionId }),
          output: Activeflow,
          errors: ['ACTIVEFLOW_NOT_FOUND', 'ACTIVEFLOW_STEP_STALE'],
          timeoutMs: 30_000,
        }),
        execute: operation({
          http: 'POST /activeflows/execute',
          summary:
            'Run a flow without a call for another manager, after the answer. Repeating it with the same id changes nothing.',
          idempotent: true,
          input: ReferencedProgram,
          output: Activeflow,
          errors: programErrors,
        }),
        start: operation({
          http: 'POST /activeflows/start',
          summary:
            'Make the activeflow of a call; nothing runs before the first `next`. Repeating it with the same id changes nothing.',
          idempotent: true,
          input: ReferencedProgram,
          output: Activeflow,
          errors: programErrors,
        }),
        next: operation({
          http: 'POST /activeflows/{id}/next',
          summary:
            'Leave `current_action_id` (none at the start), run what needs no call, and answer with the next action for the call, or null at the end. Repeating it gets the same answer.',
          idempotent: true,
          input: ById.extend({
            current_action_id: ActionId,
            /** Why the action that is left could not be done; empty when it was. */
            problem: z.string().max(1_000).default(''),
          }),
          output: z.object({ action: Action.nullable() }),
          errors: ['ACTIVEFLOW_NOT_FOUND', 'ACTIVEFLOW_STEP_STALE'],
          timeoutMs: 30_000,
        }),
        variables: operation({
          http: 'GET /activeflows/{id}/variables',
          summary: 'Get the variables',
          input: ById,
          output: z.object({ variables: Variables }),
          errors: activeflowErrors,
        }),
        set_variables: operation({
          http: 'PUT /activeflows/{id}/variables',
          summary: 'Set some variables',
          input: ById.extend({ variables: Variables }),
          output: z.object({ variables: Variables }),
          errors: ['ACTIVEFLOW_NOT_FOUND', 'INVALID_VARIABLES'],
        }),
      },
      events: {
        created: event(Activeflow, 'A flow began to run'),
        updated: event(Activeflow, 'A running flow came to its next action, or ended'),
        deleted: event(Activeflow, 'An activeflow was deleted'),
        action_failed: event(
          FailedActiveflow,
          'An action could not be done; the flow went on at its `error_id` or after it',
        ),
      },
    },
  },
})
