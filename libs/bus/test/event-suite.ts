import { setTimeout as sleep } from 'node:timers/promises'
import type { EventEnvelope } from '@sidetone/contract'
import { expect, test } from 'vitest'
import { currentRequest, type Transport } from '../src/index.ts'
import { eventOf, opener, until } from './parts.ts'

/** What every transport promises to those who announce and listen. */
export function eventSuite(start: () => Promise<Transport>): void {
  const open = opener(start)

  test('an event reaches the subscribers of its type, as JSON', async () => {
    const transport = await open()
    const heard: [string, EventEnvelope][] = []
    const hear = (name: string) => async (event: EventEnvelope) => void heard.push([name, event])
    await transport.subscribe({ name: 'all', types: 'all', handler: hear('all') })
    await transport.subscribe({ name: 'some', types: ['example_created'], handler: hear('some') })
    const created = { ...eventOf('r1', 1), data: { at: new Date(0), gone: undefined } }
    const deleted = eventOf('r1', 2, 'example_deleted')
    await transport.publish(created)
    await transport.publish(deleted)
    await until(() => heard.length === 3)
    const asSent = { ...created, data: { at: '1970-01-01T00:00:00.000Z' } }
    expect(heard.filter(([name]) => name === 'all').map(([, event]) => event)).toStrictEqual([asSent, deleted])
    expect(heard.filter(([name]) => name === 'some').map(([, event]) => event)).toStrictEqual([asSent])
  })

  test('events of one resource are handled in order, one at a time, although handlers fail; resources side by side', async () => {
    const transport = await open()
    const resources = ['r1', 'r2', 'r3', 'r4']
    const done: Record<string, number[]> = { r1: [], r2: [], r3: [], r4: [] }
    const running = new Map<string, number>()
    let together = 0
    const failed = new Set<string>()
    await transport.subscribe({
      name: 'orderly',
      types: 'all',
      handler: async ({ resource_id, sequence, id }) => {
        expect(running.has(resource_id)).toBe(false)
        running.set(resource_id, sequence)
        together = Math.max(together, running.size)
        await sleep(Math.random() * 5)
        running.delete(resource_id)
        if (sequence % 3 === 0 && !failed.has(id)) {
          failed.add(id)
          throw new Error('first try')
        }
        done[resource_id]!.push(sequence)
      },
    })
    const sequences = Array.from({ length: 20 }, (_, n) => n + 1)
    const sent: Promise<void>[] = []
    for (const sequence of sequences) {
      for (const resource of resources) sent.push(transport.publish(eventOf(resource, sequence)))
    }
    await Promise.all(sent)
    await until(() => Object.values(done).every((sequence) => sequence.length === 20))
    for (const resource of resources) expect(done[resource]).toEqual(sequences)
    expect(together).toBeGreaterThan(1)
  })

  test('an event that keeps failing goes to the dead letter with its reason and lets the next one pass', async () => {
    const transport = await open()
    const tries: number[] = []
    const dead: unknown[] = []
    await transport.subscribe({
      name: 'failing',
      types: 'all',
      handler: async ({ sequence }) => {
        tries.push(sequence)
        if (sequence === 1) throw new Error('cannot')
      },
      onDeadLetter: async ({ sequence }, reason) => void dead.push([sequence, reason]),
    })
    await Promise.all([transport.publish(eventOf('r1', 1)), transport.publish(eventOf('r1', 2))])
    await until(() => tries.includes(2))
    expect(tries).toEqual([1, 1, 1, 2])
    expect(dead).toEqual([[1, 'cannot']])
  })

  test('a reaction works under the id of its event and outside of the publisher’s context', async () => {
    const transport = await open()
    const seen: unknown[] = []
    await transport.subscribe({ name: 'context', types: 'all', handler: async () => void seen.push(currentRequest()) })
    const event = eventOf('r1', 1)
    await transport.publish(event)
    await until(() => seen.length === 1)
    expect(seen).toMatchObject([
      { request_id: event.id, operation: 'example_created', deadline: Number.POSITIVE_INFINITY },
    ])
  })

  test('draining finishes the reactions that have begun', async () => {
    const transport = await open()
    const steps: string[] = []
    await transport.subscribe({
      name: 'slow',
      types: 'all',
      handler: async () => {
        steps.push('begun')
        await sleep(150)
        steps.push('done')
      },
    })
    const sent = transport.publish(eventOf('r1', 1))
    await until(() => steps.length === 1)
    await transport.close({ drainMs: 2_000 })
    await sent
    expect(steps).toEqual(['begun', 'done'])
    await expect(transport.publish(eventOf('r1', 2))).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
  })
}
