import { type Actor, type EventEnvelope, internalIdentity, nilId, permissionBits } from '@sidetone/contract'
import { timelineContract } from '@sidetone/proto-schemas/timeline'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { timelineManager } from '../src/manager.ts'
import { openRetention } from '../src/retention.ts'

const [acme, rival] = [someId(1), someId(2)]

describe.each(await testDatabases('the timeline'))('on $name', ({ create }) => {
  let app: TestPlatform
  beforeEach(async () => {
    app = await startTestPlatform({ managers: [timelineManager], database: await create() })
  })
  afterEach(() => app.close())

  function tagEvent({
    customer_id = acme,
    resource_id = crypto.randomUUID() as string,
    sequence = 1,
    type = 'tag_updated',
    detail = '',
  } = {}): EventEnvelope {
    const times = { tm_create: '2026-11-21T07:00:00.000000Z', tm_update: null, tm_delete: null }
    return {
      ...{
        id: crypto.randomUUID(),
        type,
        publisher: 'tag',
        customer_id,
        owner_id: nilId,
        resource: 'tag',
        resource_id,
      },
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

  const callEvent = (resource_id: string, activeflow_id: string, type = 'call_updated'): EventEnvelope => ({
    ...tagEvent({ resource_id }),
    ...{ type, resource: 'call', publisher: 'call', data: { id: resource_id, customer_id: acme, activeflow_id } },
  })

  test('everything that an activeflow controlled is listed together, by its id or by that of one of its calls', async () => {
    const [flow, first, second, alone] = [1, 2, 3, 4].map(() => crypto.randomUUID()) as [string, string, string, string]
    await publish({ ...tagEvent({ resource_id: flow }), type: 'activeflow_created', resource: 'activeflow' })
    await publish(callEvent(first, flow, 'call_created'))
    await publish(callEvent(second, flow))
    await publish(callEvent(alone, nilId))
    await publish(callEvent(first, flow, 'call_hangup'))
    const { timeline } = app.as(timelineContract, adminOf(acme))
    const types = async (query: {
      activeflow_id?: string
      call_id?: string
      page_size?: number
      page_token?: string
    }) => {
      const page = await timeline.aggregated(query)
      return [page.result.map(({ event_type }) => event_type), page.next_page_token] as const
    }
    const all = ['call_hangup', 'call_updated', 'call_created', 'activeflow_created']
    expect(await types({ activeflow_id: flow })).toEqual([all, ''])
    const [start, page_token] = await types({ call_id: second, page_size: 3 })
    expect([...start, ...(await types({ call_id: second, page_token }))[0]]).toEqual(all)
    expect((await types({ call_id: alone }))[0]).toEqual(['call_updated'])
    await expect(timeline.aggregated({ call_id: crypto.randomUUID() })).rejects.toMatchObject({ status: 'NOT_FOUND' })
    for (const query of [{}, { call_id: first, activeflow_id: flow }])
      await expect(timeline.aggregated(query)).rejects.toMatchObject({ details: [{ field: 'activeflow_id' }, {}] })
    const foreign = app.as(timelineContract, adminOf(rival)).timeline.aggregated({ call_id: first })
    await expect(foreign).rejects.toMatchObject({ reason: 'EVENTS_NOT_FOUND' })
  })

  test('a path that no resource has is refused', async () => {
    const { timeline } = app.as(timelineContract, adminOf(acme))
    const asked = { resource_id: crypto.randomUUID() }
    await expect(timeline.list({ ...asked, resource_type: 'nothings' })).rejects.toMatchObject({
      details: [{ field: 'resource_type' }],
    })
    for (const resource_type of ['calls', 'flows', 'activeflows', 'recordings'])
      expect(await timeline.list({ ...asked, resource_type })).toEqual({ result: [], next_page_token: '' })
  })

  const actor = (id = someId(7)): Actor => ({
    ...{ type: 'accesskey', id, credential_id: id, request_id: 'req_1', address: '192.0.2.1' },
  })
  let ids = 0
  /** Ids of events sort by their time. */
  const idAt = (time: string) =>
    `${Date.parse(time)
      .toString(16)
      .padStart(12, '0')
      .replace(/(.{8})/, '$1-')}-7000-8000-${String(++ids).padStart(12, '0')}`

  test('who changed what is kept, also of what customers do not hear of, once, and shown nowhere else', async () => {
    const told = { ...tagEvent(), id: idAt('2026-11-21T07:00:00Z'), actor: actor() }
    const internal = {
      ...tagEvent({ type: 'accesskey_created' }),
      ...{ resource: 'accesskey', id: idAt('2026-11-21T08:00:00Z'), actor: actor(someId(8)) },
    }
    const byPlatform = tagEvent()
    for (const event of [told, internal, byPlatform, told, internal]) await publish(event)
    const { audit_log } = app.as(timelineContract, adminOf(acme))
    const { result } = await audit_log.list({})
    expect(result.map(({ event_type, actor_id }) => [event_type, actor_id])).toEqual([
      ['accesskey_created', someId(8)],
      ['tag_updated', someId(7)],
    ])
    expect(result[1]).toEqual({
      ...{ id: told.id, customer_id: acme, timestamp: told.time, event_type: 'tag_updated' },
      ...{ resource: 'tag', resource_id: told.resource_id, actor_type: 'accesskey', actor_id: someId(7) },
      ...{ credential_id: someId(7), request_id: 'req_1', address: '192.0.2.1' },
    })
    expect(JSON.stringify(await after(0))).not.toContain('192.0.2.1')
    expect((await after(0)).head).toBe(2)
    expect((await app.as(timelineContract, adminOf(rival)).audit_log.list({})).result).toEqual([])
    const operator = app.as(timelineContract, { ...adminOf(rival), permission: permissionBits.project_super_admin })
    expect((await operator.audit_log.list_of({ customer_id: acme })).result).toEqual(result)

    const found = async (query: Parameters<typeof audit_log.list>[0]) =>
      (await audit_log.list(query)).result.map(({ event_type }) => event_type)
    expect(await found({ actor_id: someId(8) })).toEqual(['accesskey_created'])
    expect(await found({ resource_id: told.resource_id })).toEqual(['tag_updated'])
    expect(await found({ since: '2026-11-21T07:30:00Z' })).toEqual(['accesskey_created'])
    expect(await found({ until: '2026-11-21T07:30:00Z' })).toEqual(['tag_updated'])
    const first = await audit_log.list({ page_size: 1 })
    expect(await found({ page_token: first.next_page_token })).toEqual(['tag_updated'])
  })

  test('events are kept for as long as their customer wants; cursors go on', async () => {
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString()
    const aged = (days: number, customer_id = acme): EventEnvelope => ({
      ...tagEvent({ customer_id }),
      ...{ id: idAt(daysAgo(days)), time: daysAgo(days).replace('Z', '000Z'), actor: actor() },
    })
    const days = [400, 40, 20, 0]
    for (const day of days) for (const customer of [acme, rival]) await publish(aged(day, customer))
    const { timeline, audit_log } = app.as(timelineContract, adminOf(acme))
    expect(await timeline.get_retention({})).toEqual({ events_days: 365 })
    expect(await timeline.update_retention({ events_days: 30 })).toEqual({ events_days: 30 })
    expect(await timeline.get_retention({})).toEqual({ events_days: 30 })
    await openRetention(app.platform.store).purge()
    const left = async (customer: string) => (await after(0, 1_000, customer)).events.map(({ cursor }) => cursor)
    expect(await left(acme)).toEqual([3, 4])
    expect(await left(rival)).toEqual([2, 3, 4])
    expect((await audit_log.list({})).result).toHaveLength(3)
    await publish(tagEvent())
    expect((await after(0)).head).toBe(5)
  })
  test('events of a deleted customer go, also those that come later; who did what is kept', async () => {
    const id = () => idAt(new Date().toISOString())
    for (const customer_id of [acme, rival]) await publish({ ...tagEvent({ customer_id }), id: id(), actor: actor() })
    const deleted = { ...tagEvent({ resource_id: acme, type: 'customer_deleted' }), resource: 'customer' }
    await publish({ ...deleted, data: { id: acme } })
    await publish(tagEvent())
    await openRetention(app.platform.store).purge()
    const count = async (customer: string) => (await after(0, 1_000, customer)).events.length
    expect([await count(acme), await count(rival)]).toEqual([0, 1])
    expect((await app.as(timelineContract, adminOf(acme)).audit_log.list({})).result).toHaveLength(1)
  })
})
