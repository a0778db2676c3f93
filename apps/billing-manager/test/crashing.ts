import type { EventEnvelope } from '@sidetone/contract'
import type { Reaction } from '@sidetone/manager'
import { once, type Store, type Tx } from '@sidetone/store'
import { billingManager } from '../src/manager.ts'

/** The process has died here. */
class Crash extends Error {}

export interface Dice {
  /** How likely a process dies at a statement, before a commit or after it. */
  chance: number
  roll: () => number
}

const dies = ({ chance, roll }: Dice): void => {
  if (roll() < chance) throw new Crash('killed')
}

function mortal(tx: Tx, dice: Dice): Tx {
  const plugin: Parameters<Tx['kysely']['withPlugin']>[0] = {
    transformQuery({ node }) {
      dies(dice)
      return node
    },
    transformResult: async ({ result }) => result,
  }
  return { ...tx, kysely: tx.kysely.withPlugin(plugin) }
}

/** A store whose process dies now and then: between two statements, before a commit, or after it, when nobody hears of it. */
const mortalStore = (store: Store, dice: Dice): Store => ({
  ...store,
  async transaction(work) {
    const result = await store.transaction(async (tx) => {
      const done = await work(mortal(tx, dice))
      dies(dice)
      return done
    })
    dies(dice)
    return result
  },
})

export interface MortalManager {
  manager: typeof billingManager
  /** Delivers an event as a broker does: again and again, until it has been taken. */
  deliver: (event: EventEnvelope) => Promise<void>
}

/** The billing manager in a process that dies and is started again, as far as its database can tell. */
export function mortalManager(dice: Dice): MortalManager {
  let store: Store
  let reactions: readonly Reaction[] = []

  async function tryToTake(event: EventEnvelope): Promise<void> {
    const [{ inTransaction }] = reactions.filter(({ types }) => types.includes(event.type)) as [Reaction]
    await mortalStore(store, dice).transaction(async (tx) => {
      if (await once(tx, 'billing', event.id)) await inTransaction!(tx, event)
    })
  }

  return {
    manager: {
      ...billingManager,
      async build(resources) {
        store = resources.store
        const behaviour = await billingManager.build({ ...resources, store: mortalStore(store, dice) })
        reactions = behaviour.reactions ?? []
        return { ...behaviour, start: async () => {} }
      },
    },
    async deliver(event) {
      for (;;) {
        try {
          return await tryToTake(event)
        } catch (error) {
          if (!(error instanceof Crash)) throw error
        }
      }
    },
  }
}
