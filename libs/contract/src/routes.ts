import type { Contract, EventDefinition, Operation } from './contract.ts'

/** An operation with its place: `id` is `tag.get`, `method` and `path` are those of `http`. */
export interface Route {
  id: string
  contract: Contract
  resource: string
  name: string
  operation: Operation
  method: string
  path: string
}

/** Every operation of a contract, in declaration order. */
export function routesOf(contract: Contract): Route[] {
  return Object.entries(contract.resources).flatMap(([resource, { operations }]) =>
    Object.entries(operations).map(([name, operation]) => {
      const [method, path] = operation.http.split(' ') as [string, string]
      return { id: `${resource}.${name}`, contract, resource, name, operation, method, path }
    }),
  )
}

/** The `{name}`s in a path. */
export const pathParameters = (path: string): string[] => Array.from(path.matchAll(/\{(\w+)\}/g), (match) => match[1]!)

/** Where the outside finds a route. */
export const publicPath = (path: string): string => (path.startsWith('/auth/') ? path : `/v1.0${path}`)

/** Every event of a contract with its wire type (`tag_created`). */
export function eventsOf(
  contract: Contract,
): { type: string; resource: string; name: string; definition: EventDefinition }[] {
  return Object.entries(contract.resources).flatMap(([resource, { events }]) =>
    Object.entries(events).map(([name, definition]) => ({ type: `${resource}_${name}`, resource, name, definition })),
  )
}
