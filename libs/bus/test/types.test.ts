import type { Client, Handlers } from '@sidetone/contract'
import { describe, expect, test } from 'vitest'
import { type ExampleContract, exampleHandlers, identity } from './example.ts'

/** Checked by the compiler: every line after `@ts-expect-error` must be an error, or this file does not compile. */
describe('what does not fit the contract does not compile', () => {
  const complete = exampleHandlers().example

  test('handlers', () => {
    const { get, ...others } = complete
    // @ts-expect-error a missing handler
    const missing: Handlers<ExampleContract> = { example: others }
    // @ts-expect-error a handler that no operation has
    const extra: Handlers<ExampleContract> = { example: { ...others, get, fly: get } }
    const undeclared: Handlers<ExampleContract>['example']['get'] = async (_, { fail }) => {
      // @ts-expect-error an error that the contract has, but not this operation
      throw fail('EXAMPLE_TAKEN')
    }
    const common: Handlers<ExampleContract>['example']['get'] = async (_, { fail }) => {
      throw fail(Math.random() < 0.5 ? 'EXAMPLE_NOT_FOUND' : 'PERMISSION_DENIED')
    }
    // @ts-expect-error an output of the wrong type
    const wrong: Handlers<ExampleContract>['example']['create'] = async () => ({ number: 'one' })
    // @ts-expect-error a field that the input does not have
    const blind: Handlers<ExampleContract>['example']['get'] = async ({ name }) => ({ id: name })
    expect([missing, extra, undeclared, common, wrong, blind]).toHaveLength(6)
  })

  test('calls', () => {
    const calls = (client: Client<ExampleContract>) => [
      client.example.get({ id: '1' }, { identity }),
      // @ts-expect-error an input of the wrong type
      client.example.get({ id: 1 }, { identity }),
      // @ts-expect-error nobody to act for
      client.example.get({ id: '1' }, {}),
      // @ts-expect-error an operation that the contract does not have
      () => client.example.fly({}, { identity }),
      // @ts-expect-error an output field that the contract does not have
      client.example.get({ id: '1' }, { identity }).then(({ name }) => name),
    ]
    expect(calls).toBeTypeOf('function')
  })
})
