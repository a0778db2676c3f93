import type { Address } from '@sidetone/proto-schemas/common'
import type { CallRow } from './call-row.ts'

type Described = Pick<CallRow, 'id' | 'direction' | 'master_call_id' | 'source' | 'destination'>

/** What a flow knows of its call from the start; the names are VoIPBIN's. */
export function flowVariables(call: Described): Record<string, string> {
  return {
    'voipbin.call.id': call.id,
    'voipbin.call.direction': call.direction,
    'voipbin.call.master_call_id': call.master_call_id,
    'voipbin.call.digits': '',
    ...addressVariables('voipbin.call.source', call.source),
    ...addressVariables('voipbin.call.destination', call.destination),
  }
}

const addressVariables = (prefix: string, address: Address): Record<string, string> =>
  Object.fromEntries(Object.entries(address).map(([field, value]) => [`${prefix}.${field}`, value]))
