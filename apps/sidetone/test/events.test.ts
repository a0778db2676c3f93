import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'
import { connectStream } from './stream-client.ts'

let app: Running
let customer: string
beforeAll(async () => {
  app = await startForTest()
  customer = (await app.request('GET', '/v1.0/customer')).body.id
})
afterAll(() => app.close())

const connect = () => connectStream(app.url, `accesskey=${app.accesskey}`)
const createTag = async (name: string): Promise<string> =>
  (await app.request('POST', '/v1.0/tags', { body: { name, detail: '' } })).body.id

describe('the WebSocket', () => {
  test('acknowledges a subscription and sends each event once, with its data', async () => {
    const client = await connect()
    client.send({ type: 'subscribe', id: 1, topics: [`customer_id:${customer}`] })
    expect(await client.wait((frame) => frame.type === 'subscribed')).toMatchObject({
      id: 1,
      cursor: expect.any(Number),
    })
    const id = await createTag('seen')
    const frame = await client.wait((it) => it.type === 'tag_created' && it.resource_id === id)
    expect(frame).toMatchObject({
      sequence: 1,
      customer_id: customer,
      data: { id, name: 'seen' },
      topic: `customer_id:${customer}:tag:${id}`,
    })
    expect(client.frames.filter((it) => it.id === frame.id)).toHaveLength(1)
    client.close()
  })

  test('a narrower topic gets only what it names', async () => {
    const client = await connect()
    const id = await createTag('narrow')
    client.send({ type: 'subscribe', topics: [`customer_id:${customer}:tag:${id}`] })
    await client.wait((frame) => frame.type === 'subscribed')
    await createTag('other')
    await app.request('DELETE', `/v1.0/tags/${id}`)
    await client.wait((frame) => frame.type === 'tag_deleted')
    const [, ...events] = client.frames
    expect(new Set(events.map(({ resource_id }) => resource_id))).toEqual(new Set([id]))
    client.close()
  })

  test('a client that comes back with its cursor misses nothing and gets nothing twice', async () => {
    const first = await connect()
    first.send({ type: 'subscribe', topics: [`customer_id:${customer}:tag`] })
    await first.wait((frame) => frame.type === 'subscribed')
    await createTag('before')
    const { cursor } = await first.wait((frame) => frame.type === 'tag_created')
    first.close()
    await first.closed
    const missed: string[] = []
    for (let n = 0; n < 20; n += 1) missed.push(await createTag(`missed ${n}`))
    const second = await connect()
    second.send({ type: 'subscribe', topics: [`customer_id:${customer}:tag`], cursor })
    const during = Promise.all(Array.from({ length: 20 }, (_, n) => createTag(`during ${n}`)))
    const all = [...missed, ...(await during)]
    await second.wait(() => second.frames.filter((frame) => frame.type === 'tag_created').length >= all.length)
    const events = second.frames.filter((frame) => frame.type === 'tag_created')
    expect(events.map((frame) => frame.resource_id).sort()).toEqual(all.sort())
    const cursors = events.map((frame) => frame.cursor)
    expect(cursors).toEqual([...cursors].sort((a, b) => a - b))
    second.close()
  })

  test('answers pings, and says what is wrong with a frame', async () => {
    const client = await connect()
    client.send({ type: 'ping', id: 'p' })
    expect(await client.wait((frame) => frame.type === 'pong')).toEqual({ type: 'pong', id: 'p' })
    client.send('not json')
    expect(await client.wait((frame) => frame.type === 'error')).toMatchObject({ reason: 'INVALID_ARGUMENT' })
    client.send({ type: 'subscribe', id: 2, topics: [`customer_id:${crypto.randomUUID()}`, 'tag'] })
    expect(await client.wait((frame) => frame.id === 2)).toMatchObject({ type: 'error', reason: 'TOPIC_NOT_ALLOWED' })
    client.close()
  })

  test('without credentials the upgrade is refused', async () => {
    await expect(connectStream(app.url, '')).rejects.toThrow('401')
    await expect(connectStream(app.url, 'token=nothing')).rejects.toThrow('401')
  })
})

test('what happened to a resource can be listed, newest first', async () => {
  const id = await createTag('history')
  await app.request('PUT', `/v1.0/tags/${id}`, { body: { name: 'renamed', detail: '' } })
  await expect
    .poll(async () =>
      (await app.request('GET', `/v1.0/timelines/tags/${id}/events`)).body.result.map((it) => it.event_type),
    )
    .toEqual(['tag_updated', 'tag_created'])
})
