import type { Client, Contract } from '@sidetone/contract'
import { Crash, type Fate, mortalStore } from '@sidetone/testing'
import { numberManager } from '../src/manager.ts'

/** When the process dies: at the step of that number, after which it does nothing more until it is started again. */
export interface Life {
  /** How many steps it lives; all when infinite. */
  steps: number
  /** How many it has done. */
  done: number
}

/** The number manager in a process that dies between two steps of its own, as far as others can tell. */
export function mortalManager(life: Life): typeof numberManager {
  const fate: Fate = () => {
    if (life.done >= life.steps) throw new Crash('killed')
    life.done++
  }
  /** What is asked of others may be asked, and never be answered. */
  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    fate()
    const answer = await ask()
    fate()
    return answer
  }
  const mortalClient = <C extends Contract>(client: Client<C>): Client<C> =>
    Object.fromEntries(
      Object.entries(client as Record<string, Record<string, (...input: never[]) => Promise<unknown>>>).map(
        ([resource, operations]) => [
          resource,
          Object.fromEntries(
            Object.entries(operations).map(([name, ask]) => [name, (...input: never[]) => asked(() => ask(...input))]),
          ),
        ],
      ),
    ) as Client<C>

  return {
    ...numberManager,
    build: (resources) =>
      numberManager.build({
        ...resources,
        store: mortalStore(resources.store, fate),
        client: (contract) => mortalClient(resources.client(contract)),
        outbound: {
          ...resources.outbound,
          fetch: (url, options) => asked(() => resources.outbound.fetch(url, options)),
        },
      }),
  }
}
