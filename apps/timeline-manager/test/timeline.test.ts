import { type EventEnvelope, internalIdentity, nilId } from '@sidetone/contract'
import { timelineContract } from '@sidetone/proto-schemas/timeline'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { timelineManager } from '../src/manager.ts'

const [acme, rival] = [someId(1), someId(2)]

let app: TestPlatform
beforeEach(async () => {
  app = await startTestPlatform({ managers: [timelineManager] })
})
afterEach(() => app.close())

function tagEvent({
  customer_id = acme,
  resource_id = crypto.randomUUID(),
  sequence = 1,
  type = 'tag_updated',
  detail = '',
} = {}): EventEnvelope {
  const times = { tm_create: '2026-11-21T07:00:00.000000Z', tm_update: null, tm_delete: null }
  return {
    ...{ id: crypto.randomUUID(), type, publisher: 'tag', customer_id, owner_id: nilId, resource: 'tag', resource_id },
    ...{
      sequence,
      time: '2026-11-21T07:00:00.000000Z',
      data: { id: resource_id, customer_id, name: 'x', detail, ...times },
    },
  }
}
const publish = (event: EventEnvelope) => app.platform.transport.publish(event)
const after = (cursor: number, limit = 1_000, customer = acme) =>
  app.as(timelineContract, internalIdentity(customer)).timeline.after({ cursor, limit })

test('cursors count each customer’s events without a gap, however they come, and repeats get none', async () => {
  const events = Array.from({ length: 300 }, (_, n) => tagEvent({ customer_id: n % 3 ? acme : rival }))
  await Promise.all([...events, ...events.slice(0, 100)].map(publish))
  await Promise.all(events.slice(50, 150).map(publish))
  for (const [customer, count] of [
    [acme, 200],
    [rival, 100],
  ] as const) {
    const stream = await after(0, 1_000, customer)
    expect(stream.head).toBe(count)
    expect(stream.events.map(({ cursor }) => cursor)).toEqual(Array.from({ length: count }, (_, index) => index + 1))
    expect(new Set(stream.events.map(({ id }) => id)).size).toBe(count)
  }
})

test('a stream can be read on from any cursor', async () => {
  for (let n = 0; n < 7; n += 1) await publish(tagEvent())
  const seen: number[] = []
  for (let cursor = 0; ; ) {
    const { events, head } = await after(cursor, 3)
    seen.push(...events.map((event) => event.cursor))
    cursor = events.at(-1)?.cursor ?? cursor
    if (cursor === head) break
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(await after(100)).toEqual({ events: [], head: 7 })
})

test('what happened to a resource is listed newest first, page by page, to its customer alone', async () => {
  const resource_id = crypto.randomUUID()
  for (let sequence = 1; sequence <= 5; sequence += 1) {
    await publish(tagEvent({ resource_id, sequence, detail: String(sequence) }))
    await publish(tagEvent())
  }
  const { timeline } = app.as(timelineContract, adminOf(acme))
  const details: unknown[] = []
  for (let page_token = ''; ; ) {
    const page = await timeline.list({ resource_type: 'tags', resource_id, page_size: 2, page_token })
    details.push(...page.result.map(({ data }) => (data as { detail: string }).detail))
    page_token = page.next_page_token
    if (page_token === '') break
  }
  expect(details).toEqual(['5', '4', '3', '2', '1'])
  const foreign = await app.as(timelineContract, adminOf(rival)).timeline.list({ resource_type: 'tags', resource_id })
  expect(foreign).toEqual({ result: [], next_page_token: '' })
  await expect(timeline.list({ resource_type: 'tags', resource_id, page_token: '-1' })).rejects.toMatchObject({
    details: [{ field: 'page_token' }],
  })
})

test('what is internal is neither kept nor told', async () => {
  const resource_id = crypto.randomUUID()
  await publish({ ...tagEvent({ resource_id }), type: 'customer_updated', resource: 'customer' })
  await publish(tagEvent({ customer_id: nilId }))
  const agent = { ...tagEvent(), type: 'agent_updated', resource: 'agent', publisher: 'agent' }
  await publish({
    ...agent,
    data: {
      ...(agent.data as object),
      username: 'a@b.example',
      password_hash: 'of a password',
      ring_method: 'ringall',
      status: '',
      permission: 16,
      tag_ids: [],
      addresses: [],
      direct_hash: '',
    },
  })
  const { events } = await after(0)
  expect(events.map(({ type }) => type)).toEqual(['agent_updated'])
  expect(JSON.stringify(events)).not.toContain('of a password')
})
