import { type Contract, routesOf } from '@sidetone/contract'
import type { Manager } from '@sidetone/manager'
import { scripted } from '@sidetone/testing'

export type Answer = (input: Record<string, unknown>, context: { customer_id: string }) => unknown

/** A manager that answers some operations of a contract, by `<resource>.<operation>`; it refuses the others. */
export function scriptedBy<C extends Contract>(contract: C, answers: Record<string, Answer>): Manager {
  const handlers: Record<string, Record<string, unknown>> = {}
  for (const { resource, name, id } of routesOf(contract)) {
    const answer = answers[id]
    if (answer)
      handlers[resource] = { ...handlers[resource], [name]: async (...given: Parameters<Answer>) => answer(...given) }
  }
  return scripted(contract, handlers as Parameters<typeof scripted<C>>[1]) as unknown as Manager
}
