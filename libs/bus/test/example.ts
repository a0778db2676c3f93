import { ById, defineContract, event, type Handlers, Id, internalIdentity, nilId, operation } from '@sidetone/contract'
import { z } from 'zod'

/** A contract with one operation for each thing that a transport may get wrong. */
export const exampleContract = defineContract({
  name: 'example',
  errors: {
    EXAMPLE_NOT_FOUND: { status: 'NOT_FOUND', message: 'The example was not found.' },
    EXAMPLE_TAKEN: { status: 'ALREADY_EXISTS', message: 'There is one already.' },
  },
  resources: {
    example: {
      operations: {
        get: operation({
          http: 'GET /examples/{id}',
          summary: 'Get',
          input: z.object({ id: z.string() }),
          output: z.object({ id: z.string() }),
          errors: ['EXAMPLE_NOT_FOUND'],
        }),
        search: operation({
          http: 'GET /examples/search',
          summary: 'Search',
          input: z.object({ text: z.string().optional() }),
          output: z.object({ found: z.string() }),
        }),
        update: operation({
          http: 'PUT /examples/{id}',
          summary: 'Update',
          input: ById.extend({ name: z.string() }),
          output: z.object({ id: Id, name: z.string() }),
        }),
        create: operation({
          http: 'POST /examples',
          summary: 'Create',
          input: z.object({ name: z.string() }),
          output: z.object({ number: z.int() }),
          errors: ['EXAMPLE_TAKEN'],
        }),
        echo: operation({
          http: 'POST /examples/echo',
          summary: 'Answer what came',
          input: z.object({ value: z.unknown().optional() }),
          output: z.unknown(),
          idempotent: true,
        }),
        wait: operation({
          http: 'POST /examples/wait',
          summary: 'Answer late',
          input: z.object({ ms: z.int() }),
          output: z.object({ waited: z.int() }),
          idempotent: true,
          timeoutMs: 2_000,
        }),
      },
      events: { created: event(z.object({ number: z.int() }), 'It was made') },
    },
  },
})
export type ExampleContract = typeof exampleContract

/** Handlers that do the least; a test replaces what it is about. */
export const exampleHandlers = (
  replacements: Partial<Handlers<ExampleContract>['example']> = {},
): Handlers<ExampleContract> => {
  let made = 0
  return {
    example: {
      get: async ({ id }) => ({ id }),
      search: async ({ text = '' }) => ({ found: text }),
      update: async ({ id, name }) => ({ id, name }),
      create: async () => ({ number: ++made }),
      echo: async ({ value }) => value,
      wait: async ({ ms }) => {
        await new Promise((resolve) => setTimeout(resolve, ms))
        return { waited: ms }
      },
      ...replacements,
    },
  }
}

export const identity = internalIdentity(nilId)
