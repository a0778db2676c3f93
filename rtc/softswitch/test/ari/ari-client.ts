import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

export type AriAccess = { ariUrl: string; user: string; password: string }
// biome-ignore lint/suspicious/noExplicitAny: bodies and events are what the far side says; tests look at what they name
export type Json = any
export type AriEvent = { type: string; [field: string]: Json }
type Query = Record<string, string | number | boolean>
type Options = { query?: Query; body?: unknown }
export type Reply = { status: number; body: Json }

export type Ari = Awaited<ReturnType<typeof connectAri>>

const basicAuth = ({ user, password }: AriAccess) => `Basic ${btoa(`${user}:${password}`)}`

const noise = new Set(['ChannelVarset', 'ChannelDialplan', 'DeviceStateChanged'])

/** One HTTP request to ARI. */
export async function ariRequest(
  access: AriAccess,
  method: string,
  path: string,
  { query = {}, body }: Options = {},
): Promise<Reply> {
  const url = new URL(`${access.ariUrl}/${path}`)
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value))
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(5000),
    headers: {
      authorization: basicAuth(access),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const json = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, body: json ? JSON.parse(bytes.toString()) : bytes.length > 0 ? bytes : undefined }
}

/** A connected ARI application: its events so far, and requests by HTTP and over the socket. */
export async function connectAri(access: AriAccess, { app = 'sidetone', subscribeAll = true } = {}) {
  const url = new URL(`${access.ariUrl.replace(/^http/, 'ws')}/events`)
  url.searchParams.set('app', app)
  url.searchParams.set('subscribeAll', String(subscribeAll))
  const socket = new WebSocket(url, { headers: { authorization: basicAuth(access) } })
  const events: AriEvent[] = []
  const listeners = new Set<() => void>()
  const replies = new Map<string, (reply: Reply) => void>()
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as AriEvent
    if (message.type === 'RESTResponse') {
      const text = message.message_body as string | undefined
      replies.get(message.request_id)?.({ status: message.status_code, body: text ? JSON.parse(text) : undefined })
      return
    }
    events.push(message)
    for (const listener of listeners) listener()
  })
  await once(socket, 'open')
  let requests = 0

  return {
    app,
    events,
    get: (path: string, query?: Query) => ariRequest(access, 'GET', path, query && { query }),
    post: (path: string, options?: Options) => ariRequest(access, 'POST', path, options),
    put: (path: string, options?: Options) => ariRequest(access, 'PUT', path, options),
    delete: (path: string, query?: Query) => ariRequest(access, 'DELETE', path, query && { query }),
    /** The same over the socket. */
    rest: (method: string, uri: string, { query = {}, body }: Options = {}) =>
      new Promise<Reply>((resolve) => {
        const request_id = String(++requests)
        replies.set(request_id, resolve)
        socket.send(
          JSON.stringify({
            type: 'RESTRequest',
            transaction_id: request_id,
            request_id,
            method,
            uri,
            query_strings: Object.entries(query).map(([name, value]) => ({ name, value: String(value) })),
            ...(body === undefined ? {} : { content_type: 'application/json', message_body: JSON.stringify(body) }),
          }),
        )
      }),
    /** The first event of the test, past or to come, that has this type and these fields. */
    next: (type: string, fields: Json = {}, timeoutMs = 4000) =>
      new Promise<AriEvent>((resolve, reject) => {
        const look = () => {
          const found = events.find((event) => event.type === type && contains(event, fields))
          if (!found) return
          done()
          resolve(found)
        }
        const timer = setTimeout(() => {
          done()
          const seen = events.filter((event) => !noise.has(event.type)).map((event) => event.type)
          reject(new Error(`no ${type} with ${JSON.stringify(fields)} in ${timeoutMs} ms, but ${seen.join(', ')}`))
        }, timeoutMs)
        const done = () => {
          clearTimeout(timer)
          listeners.delete(look)
        }
        listeners.add(look)
        look()
      }),
    /** The types of the events about one channel, bridge or playback, in order; only of those types when some are named. */
    typesAbout: (id: string, among?: string[]) =>
      events
        .filter((event) => [event.channel?.id, event.bridge?.id, event.playback?.id].includes(id))
        .map(({ type }) => type)
        .filter((type) => !among || among.includes(type)),
    async close() {
      if (socket.readyState === WebSocket.CLOSED) return
      // With subscribeAll, Asterisk 22.10 now and then locks up for good when the socket closes while events of a
      // hang-up are still on their way to it: then neither the application nor GET /applications answers any more.
      if (subscribeAll) await sleep(100)
      socket.close()
      await once(socket, 'close')
    },
  }
}

function contains(actual: Json, expected: Json): boolean {
  if (expected instanceof RegExp) return typeof actual === 'string' && expected.test(actual)
  if (typeof expected !== 'object' || expected === null) return actual === expected
  return (
    actual !== undefined &&
    actual !== null &&
    Object.keys(expected).every((key) => contains(actual[key], expected[key]))
  )
}
