import type { Client, Contract } from '@sidetone/contract'
import { Crash } from '@sidetone/testing'
import { callManager } from '../src/manager.ts'

/** When the process dies: right after that many of its effects, a commit or an answered request. It does nothing more then. */
export interface Life {
  /** How many effects it lives for; all when infinite. */
  steps: number
  done: number
  /** Called when it dies. */
  died: () => void
}

export const immortal = (): Life => ({ steps: Number.POSITIVE_INFINITY, done: 0, died: () => undefined })

/** The call manager in a process that dies between two steps of its own, as far as others can tell. */
export function mortalManager(life: Life): typeof callManager {
  function die(): never {
    life.died()
    throw new Crash('killed')
  }
  async function step<T>(work: () => Promise<T>): Promise<T> {
    if (life.done >= life.steps) die()
    const result = await work()
    if (++life.done >= life.steps) die()
    return result
  }
  const mortalClient = <C extends Contract>(client: Client<C>): Client<C> =>
    Object.fromEntries(
      Object.entries(client as Record<string, Record<string, (...input: never[]) => Promise<unknown>>>).map(
        ([resource, operations]) => [
          resource,
          Object.fromEntries(
            Object.entries(operations).map(([name, ask]) => [name, (...input: never[]) => step(() => ask(...input))]),
          ),
        ],
      ),
    ) as Client<C>

  return {
    ...callManager,
    build: (resources) =>
      callManager.build({
        ...resources,
        store: { ...resources.store, transaction: (work) => step(() => resources.store.transaction(work)) },
        client: (contract) => mortalClient(resources.client(contract)),
      }),
  }
}
