import { internalIdentity, projectionOf } from '@sidetone/contract'
import type { Action } from '@sidetone/proto-schemas/action'
import { Call, callContract } from '@sidetone/proto-schemas/call'
import type { ActiveflowRow } from './activeflow-row.ts'
import type { Core } from './core.ts'

/** What the flow is about, as JSON and as it is now. Only flows that name it have it, for somebody has to be asked. */
const variable = 'voipbin.flow.reference_data'
const visible = projectionOf(Call)

/** The variable before it is known, for a program that names it. */
export const referenceDataFor = (actions: Action[]): Record<string, string> =>
  JSON.stringify(actions).includes(`\${${variable}}`) ? { [variable]: '' } : {}

export const hasReferenceData = (variables: Record<string, string>): boolean => Object.hasOwn(variables, variable)

/** The variable as it is now; empty when there is no call to describe. */
export async function askReferenceData(core: Core, row: ActiveflowRow): Promise<Record<string, string>> {
  const { id: activeflow_id, customer_id, reference_type, reference_id } = row
  if (reference_type !== 'call') return { [variable]: '' }
  try {
    const identity = internalIdentity(customer_id)
    const call = await core.client(callContract).call.get({ id: reference_id }, { identity })
    return { [variable]: JSON.stringify(visible(call)) }
  } catch (err) {
    core.log.warn({ err, activeflow_id, customer_id }, 'the call of a flow could not be described')
    return { [variable]: '' }
  }
}
