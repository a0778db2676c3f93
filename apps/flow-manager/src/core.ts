import type { Resources } from '@sidetone/manager'
import { Flow, type flowContract } from '@sidetone/proto-schemas/flow'
import { resourceTable } from '@sidetone/store'
import { ActiveflowRow } from './activeflow-row.ts'

export const flows = resourceTable(Flow, 'flow_flow')
export const activeflows = resourceTable(ActiveflowRow, 'flow_activeflow')

/** What the parts of the flow manager share. */
export type Core = Pick<Resources<typeof flowContract>, 'store' | 'emit' | 'log' | 'jobs' | 'client' | 'outbound'>
