import type { Tx } from '@sidetone/store'
import type { CallRow } from './call-row.ts'
import type { Change, Core } from './core.ts'

const maxTries = 50

type Given = Pick<Core, 'store' | 'calls' | 'emit'>

/** A call is not any more as it was read. */
class Overtaken extends Error {}

/** See `Core.change`. `decide` may run again, on a newer state, so it must have no effects. */
export async function changeCall(
  given: Given,
  id: string,
  decide: (call: CallRow) => Change | undefined,
): Promise<CallRow | undefined> {
  const changed = await changeCalls(given, [id], ([call]) => {
    const change = decide(call)
    return change && [change]
  })
  return changed?.[0]
}

/** See `Core.changeAll`. `decide` may run again, on a newer state, so it must have no effects. */
export async function changeCalls<Ids extends readonly [string, ...string[]]>(
  { store, calls, emit }: Given,
  ids: Ids,
  decide: (calls: { [Index in keyof Ids]: CallRow }) => Change[] | undefined,
): Promise<CallRow[] | undefined> {
  async function write(tx: Tx, call: CallRow, change: Change): Promise<CallRow> {
    const { id, version } = call
    const patch = { ...changedFields(call, change.call), version: version + 1 }
    const changed = await calls.update(tx, '*', id, patch, { where: { version } })
    if (!changed) throw new Overtaken()
    for (const event of change.events ?? []) await emit(tx, 'call', event, changed)
    await change.also?.(tx)
    return changed
  }

  for (let tries = 1; tries <= maxTries; tries++) {
    const found = (await Promise.all(ids.map((id) => calls.find(store, '*', id)))).filter((call) => call !== undefined)
    const changes = found.length === ids.length ? decide(found as { [Index in keyof Ids]: CallRow }) : undefined
    if (!changes) return undefined
    try {
      return await store.transaction(async (tx) => {
        const changed: CallRow[] = []
        for (const [index, change] of changes.entries()) changed.push(await write(tx, found[index]!, change))
        return changed
      })
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error
    }
  }
  throw new Error(`call ${ids.join(', ')} was changed by others ${maxTries} times in a row`)
}

const changedFields = (before: CallRow, after: CallRow): Partial<CallRow> =>
  Object.fromEntries(
    Object.entries(after).filter(([field, value]) => value !== before[field as keyof CallRow]),
  ) as Partial<CallRow>
