import type { EventEnvelope } from '@sidetone/contract'
import type { Reaction } from '@sidetone/manager'
import { once, type Store } from '@sidetone/store'
import { Crash, type Fate, mortalStore } from '@sidetone/testing'
import { billingManager } from '../src/manager.ts'

export interface Dice {
  /** How likely a process dies at a statement, before a commit or after it. */
  chance: number
  roll: () => number
}

const fateOf =
  ({ chance, roll }: Dice): Fate =>
  () => {
    if (roll() < chance) throw new Crash('killed')
  }

export interface MortalManager {
  manager: typeof billingManager
  /** Delivers an event as a broker does: again and again, until it has been taken. */
  deliver: (event: EventEnvelope) => Promise<void>
}

/** The billing manager in a process that dies and is started again, as far as its database can tell. */
export function mortalManager(dice: Dice): MortalManager {
  const fate = () => fateOf(dice)()
  let store: Store
  let reactions: readonly Reaction[] = []

  async function tryToTake(event: EventEnvelope): Promise<void> {
    const [{ inTransaction }] = reactions.filter(({ types }) => types.includes(event.type)) as [Reaction]
    await mortalStore(store, fate).transaction(async (tx) => {
      if (await once(tx, 'billing', event.id)) await inTransaction!(tx, event)
    })
  }

  return {
    manager: {
      ...billingManager,
      async build(resources) {
        store = resources.store
        const behaviour = await billingManager.build({ ...resources, store: mortalStore(store, fate) })
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
