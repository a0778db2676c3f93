import { type Contract, routesOf } from '@sidetone/contract'
import { defineManager, type Manager } from '@sidetone/manager'
import { z } from 'zod'

type Answer = (input: never, context: never) => unknown

/** Stands where a neighbour is and answers some of its operations, named `resource.operation`, by script. */
export function scriptedManager<C extends Contract>(contract: C, answers: Record<string, Answer>): Manager {
  const handlers: Record<string, Record<string, (input: unknown, context: unknown) => Promise<unknown>>> = {}
  for (const resource of Object.keys(contract.resources)) handlers[resource] = {}
  for (const { resource, name } of routesOf(contract)) {
    handlers[resource]![name] = async (input, context) => {
      const answer = answers[`${resource}.${name}`]
      if (!answer) throw new Error(`the script has no answer for ${resource}.${name}`)
      return answer(input as never, context as never)
    }
  }
  const build = () => ({ handlers })
  return defineManager({ contract, settings: z.object({}), migrations: [], build } as unknown as Manager)
}
