import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createClient, createInProcessTransport, serveContract } from '../src/index.ts'
import { exampleContract, exampleHandlers, identity } from './example.ts'
import { silent } from './parts.ts'

const start = () => {
  const transport = createInProcessTransport({ log: silent })
  const serve = (replacements = {}) =>
    serveContract(exampleContract, exampleHandlers(replacements), { transport, log: silent, registry: new Registry() })
  const client = createClient(exampleContract, { transport, publisher: 'test', registry: new Registry() })
  const create = () =>
    client.example.create({ name: 'a' }, { identity }).then(
      () => 'OK',
      ({ reason }: { reason: string }) => reason,
    )
  return { serve, create, get: client.example.get }
}

test('a manager that cannot be reached is left alone for a while, then tried by one call', async () => {
  const { serve, create } = start()
  for (let n = 0; n < 20; n++) expect(await create()).toBe('SERVICE_UNAVAILABLE')
  await serve()
  expect(await create()).toBe('SERVICE_UNAVAILABLE') // It is there again, but nobody asks.
  await sleep(1_050)
  const together = await Promise.all([create(), create(), create()])
  expect(together.toSorted()).toEqual(['OK', 'SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'])
  expect(await create()).toBe('OK')
})

test('an error that a manager answers with does not count against it', async () => {
  const { serve, create } = start()
  let calls = 0
  await serve({
    create: async (_: unknown, { fail }: { fail: (reason: string) => Error }) => {
      if (++calls <= 50) throw fail(calls % 2 ? 'SERVICE_UNAVAILABLE' : 'EXAMPLE_TAKEN')
      return { number: calls }
    },
  })
  for (let n = 0; n < 50; n++) await create()
  expect(await create()).toBe('OK')
})

test('an idempotent call is repeated when the manager is away for a moment, another is not', async () => {
  const { serve, create, get } = start()
  const [got, created] = [get({ id: '1' }, { identity }), create()]
  await sleep(100)
  await serve()
  expect(await got).toEqual({ id: '1' })
  expect(await created).toBe('SERVICE_UNAVAILABLE')
})
