import type { Store, Tx } from '@sidetone/store'

/** The process has died here. */
export class Crash extends Error {}

/** Throws a `Crash` when the process is to die at this step. */
export type Fate = () => void

function mortal(tx: Tx, fate: Fate): Tx {
  const plugin: Parameters<Tx['kysely']['withPlugin']>[0] = {
    transformQuery({ node }) {
      fate()
      return node
    },
    transformResult: async ({ result }) => result,
  }
  return { ...tx, kysely: tx.kysely.withPlugin(plugin) }
}

/** A store whose process dies now and then: between two statements, before a commit, or after it, when nobody hears of it. */
export const mortalStore = (store: Store, fate: Fate): Store => ({
  ...store,
  async transaction(work) {
    const result = await store.transaction(async (tx) => {
      const done = await work(mortal(tx, fate))
      fate()
      return done
    })
    fate()
    return result
  },
})
