import type { CallRow } from './call-row.ts'
import type { Change, Core } from './core.ts'

const maxTries = 50

/** See `Core.change`. `decide` may run again, on a newer state, so it must have no effects. */
export async function changeCall(
  { store, calls, emit }: Pick<Core, 'store' | 'calls' | 'emit'>,
  id: string,
  decide: (call: CallRow) => Change | undefined,
): Promise<CallRow | undefined> {
  for (let tries = 1; tries <= maxTries; tries++) {
    const call = await calls.find(store, '*', id)
    const change = call && decide(call)
    if (!call || !change) return undefined
    const { version } = call
    const stored = await store.transaction(async (tx) => {
      const patch = { ...changedFields(call, change.call), version: version + 1 }
      const changed = await calls.update(tx, '*', id, patch, { where: { version } })
      if (!changed) return undefined
      for (const event of change.events ?? []) await emit(tx, 'call', event, changed)
      await change.also?.(tx)
      return changed
    })
    if (stored) return stored
  }
  throw new Error(`call ${id} was changed by others ${maxTries} times in a row`)
}

const changedFields = (before: CallRow, after: CallRow): Partial<CallRow> =>
  Object.fromEntries(
    Object.entries(after).filter(([field, value]) => value !== before[field as keyof CallRow]),
  ) as Partial<CallRow>
