import type { Resources } from '@sidetone/manager'
import { Flow, type flowContract } from '@sidetone/proto-schemas/flow'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { ActiveflowRow } from './activeflow-row.ts'

/** A flow of a frozen customer is kept, but does not start. */
export const flows = resourceTable(Flow.extend({ frozen: z.boolean() }), 'flow_flow')
export const activeflows = resourceTable(ActiveflowRow, 'flow_activeflow')

/** What the parts of the flow manager share. */
export type Core = Pick<Resources<typeof flowContract>, 'store' | 'emit' | 'log' | 'jobs' | 'client' | 'outbound'>
