import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { freeze } from '@sidetone/contract'
import { describe, expect, test } from 'vitest'
import { createClient, createInProcessTransport, serveContract } from '../src/index.ts'
import { callSuite } from './call-suite.ts'
import { eventSuite } from './event-suite.ts'
import { exampleContract, exampleHandlers, identity } from './example.ts'
import { eventOf, retryDelaysMs, silent } from './parts.ts'

const start = () => createInProcessTransport({ log: silent, retryDelaysMs })

describe('in process', () => {
  callSuite(async () => start())
  eventSuite(async () => start())

  test('an event is published when every subscriber is done with it', async () => {
    const transport = start()
    const steps: string[] = []
    await transport.subscribe({
      name: 'slow',
      types: 'all',
      handler: async () => {
        await new Promise((resolve) => setTimeout(resolve, 30))
        steps.push('handled')
      },
    })
    await transport.publish(eventOf('r1', 1))
    steps.push('published')
    expect(steps).toEqual(['handled', 'published'])
  })

  test('an event that a drain left undone is not published', async () => {
    const transport = start()
    await transport.subscribe({ name: 'busy', types: 'all', handler: () => Promise.reject(new Error('not now')) })
    const published = transport.publish(eventOf('r1', 1))
    await transport.close()
    await expect(published).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
  })

  test('what draining work calls is still answered, what is new is not', async () => {
    const transport = start()
    const { example } = createClient(exampleContract, { transport, publisher: 'test' })
    const search = async () => {
      await sleep(50)
      return { found: (await example.get({ id: 'nested' }, { identity })).id }
    }
    await serveContract(exampleContract, exampleHandlers({ search }), { transport, log: silent })
    const answer = example.search({}, { identity })
    const closed = transport.close()
    await expect(example.create({ name: 'a' }, { identity })).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
    expect(await answer).toEqual({ found: 'nested' })
    await closed
  })

  test('an answer that nobody can change is checked and stripped once, and goes to all who ask', async () => {
    const transport = start()
    const { example } = createClient(exampleContract, { transport, publisher: 'test' })
    const stored = freeze({ id: 'a', internal: ['secret'] })
    const broken = freeze({ id: 1 }) as unknown as { id: string }
    const get = async ({ id }: { id: string }) => (id === 'a' ? stored : broken)
    await serveContract(exampleContract, exampleHandlers({ get }), { transport, log: silent })
    const first = await example.get({ id: 'a' }, { identity })
    expect(first).toEqual({ id: 'a' })
    expect(Object.isFrozen(first)).toBe(true)
    expect(await example.get({ id: 'a' }, { identity })).toBe(first)
    await expect(example.get({ id: 'b' }, { identity })).rejects.toMatchObject({ reason: 'INTERNAL' })
  })

  test('handlers do not inherit the async context of the sender', async () => {
    const transport = start()
    const transaction = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    await transport.subscribe({ name: 's', types: 'all', handler: async () => void seen.push(transaction.getStore()) })
    await transaction.run('open', () => transport.publish(eventOf('r1', 1)))
    expect(seen).toEqual([undefined])
  })
})
