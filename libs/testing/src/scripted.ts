import { type Contract, commonError, type Handlers } from '@sidetone/contract'
import { defineManager, type Manager } from '@sidetone/manager'
import { z } from 'zod'

type Answers<C extends Contract> = { [R in keyof Handlers<C>]?: Partial<Handlers<C>[R]> }

/** Stands in for a manager that a test needs a few answers from, over the real bus. */
export const scripted = <C extends Contract>(contract: C, answers: Answers<C>): Manager<C> =>
  defineManager({
    contract,
    settings: z.object({}),
    migrations: [],
    build: () => ({
      handlers: Object.fromEntries(
        Object.entries(contract.resources).map(([resource, { operations }]) => [
          resource,
          Object.fromEntries(
            Object.keys(operations).map((name) => [
              name,
              (answers[resource as keyof Answers<C>] as Record<string, unknown> | undefined)?.[name] ?? refuse,
            ]),
          ),
        ]),
      ) as Handlers<C>,
    }),
  })

const refuse = async (): Promise<never> => {
  throw commonError('ROUTE_NOT_FOUND')
}
