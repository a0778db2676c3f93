import { ApiError, type Handlers, internalIdentity, type OperationContext } from '@sidetone/contract'
import { emptyAction, reservedActionIds } from '@sidetone/proto-schemas/action'
import type { callContract } from '@sidetone/proto-schemas/call'
import { newId } from '@sidetone/store'
import { type Dialable, defaultSource, dialablesOf, isOwnSource } from './addresses.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { flowVariables } from './flow-variables.ts'
import { dial, insertCall, newLeg } from './outgoing.ts'

type Create = Handlers<typeof callContract>['call']['create']
type Input = Parameters<Create>[0]
type Context = Parameters<Create>[1]

/** `POST /calls`: dials every destination that can be dialled; the flow of each runs when it is answered. */
export function createCalls(core: Core): Create {
  return async (input, context) => {
    const { customer_id } = context
    const source = await sourceOf(core, input, context)
    const dialables = await findDialables(core, input, context)
    const calls: CallRow[] = []
    for (const dialable of dialables) {
      const flow = { flow_id: input.flow_id, activeflow_id: newId() }
      const leg = await newLeg(core, { customer_id, source, dialable, ...flow })
      await startFlow(core, leg, input, context)
      const row = { ...leg, action: { ...emptyAction, id: reservedActionIds.start } }
      const call = await core.store.transaction((tx) => insertCall(core, tx, row))
      calls.push(call)
      // The answer does not wait for the node: what becomes of the leg is told by events.
      const { endpoint } = dialable
      core.inBackground(() => dial(core, { call, endpoint, source, anonymous: input.anonymous === 'yes' }))
    }
    return { calls, groupcalls: [] }
  }
}

async function sourceOf(core: Core, { source }: Input, { customer_id, fail }: Context) {
  if (source.type === '') return defaultSource(core, customer_id)
  if (!(await isOwnSource(core, customer_id, source))) throw fail('SOURCE_INVALID')
  return source
}

async function findDialables(core: Core, { destinations }: Input, { customer_id, fail }: Context): Promise<Dialable[]> {
  const found = await Promise.all(destinations.map((address) => dialablesOf(core, customer_id, address)))
  const details = found.flatMap((one, index) => {
    const problem = destinations[index]!.type === 'agent' ? 'agents cannot be called yet; call an extension' : one
    return typeof problem === 'string' ? [{ field: `destinations.${index}`, problem }] : []
  })
  const dialables = found.flatMap((one, index) =>
    typeof one === 'string' || destinations[index]!.type === 'agent' ? [] : one,
  )
  if (dialables.length > 0) return dialables
  throw fail('DESTINATION_INVALID', { message: `${details[0]!.field}: ${details[0]!.problem}`, details })
}

/** Made before the phone rings, so that a flow that cannot run is the caller's error and nobody's call. */
async function startFlow(
  core: Core,
  leg: Parameters<typeof flowVariables>[0] & Pick<CallRow, 'activeflow_id' | 'customer_id'>,
  input: Input,
  { fail }: Context,
) {
  const identity = internalIdentity(leg.customer_id)
  const { flow_id, actions, variables } = input
  await core.managers.flow.activeflow
    .start(
      {
        id: leg.activeflow_id,
        flow_id,
        ...(actions && { actions }),
        reference_type: 'call',
        reference_id: leg.id,
        variables: { ...variables, ...flowVariables(leg) },
      },
      { identity },
    )
    .catch((error: unknown) => {
      throw declared(error, fail)
    })
}

const flowErrors = ['FLOW_NOT_FOUND', 'INVALID_ACTION', 'INVALID_ACTION_TYPE', 'INVALID_VARIABLES'] as const

/** What the flow manager finds wrong with the request is told as our own error. */
function declared(error: unknown, fail: OperationContext<(typeof flowErrors)[number]>['fail']): unknown {
  const reason = error instanceof ApiError && flowErrors.find((one) => one === error.reason)
  if (!reason) return error
  const { message, details } = error
  return fail(reason, reason === 'FLOW_NOT_FOUND' ? {} : { message, ...(details && { details }) })
}
