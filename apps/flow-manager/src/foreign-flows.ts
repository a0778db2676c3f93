import { nilId } from '@sidetone/contract'
import type { FieldProblem } from '@sidetone/flow-engine'
import type { Action } from '@sidetone/proto-schemas/action'
import type { Store } from '@sidetone/store'
import { flows } from './core.ts'

/** Where actions name flows that the customer does not have. Names that hold variables are looked up when they run. */
export async function foreignFlows(store: Store, customer_id: string, actions: Action[]): Promise<FieldProblem[]> {
  const named = actions.flatMap(({ option }, index) =>
    ['flow_id', 'on_end_flow_id'].flatMap((field) => {
      const id = option[field]
      return typeof id === 'string' && /^[0-9a-f-]{36}$/i.test(id) && id !== nilId
        ? [{ field: `actions.${index}.option.${field}`, id: id.toLowerCase() }]
        : []
    }),
  )
  if (named.length === 0) return []
  const ids = [...new Set(named.map(({ id }) => id))]
  const own = new Set(
    (await flows.list(store, customer_id, { where: { id: ids }, limit: ids.length })).map(({ id }) => id),
  )
  return named.flatMap(({ field, id }) =>
    own.has(id) ? [] : [{ field, problem: `none of your flows has the id ${id}` }],
  )
}
