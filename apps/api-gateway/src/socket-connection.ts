import { setTimeout as sleep } from 'node:timers/promises'
import type { Identity } from '@sidetone/contract'
import type { StreamEvent } from '@sidetone/proto-schemas/timeline'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import type { EventStreams } from './event-streams.ts'
import { covers, customerOf, topicProblem, topicsOf } from './topics.ts'
import { closeCodes, type SocketRoute } from './websocket.ts'

const Command = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    id: z.union([z.string(), z.number()]).optional(),
    topics: z.array(z.string()).min(1).max(100),
    /** Go on after the event with this cursor; absent: from now on. */
    cursor: z.int().min(0).optional(),
  }),
  z.strictObject({
    type: z.literal('unsubscribe'),
    id: z.union([z.string(), z.number()]).optional(),
    topics: z.array(z.string()).min(1).max(100),
  }),
  z.strictObject({ type: z.literal('ping'), id: z.union([z.string(), z.number()]).optional() }),
])
type Command = z.infer<typeof Command>

const maxTopics = 1_000
/** A client that is this far behind is closed; it can come back with its last cursor. */
const maxBufferedBytes = 4 * 1024 * 1024
const flushEveryMs = 5
/** Past events wait while this much is unsent, so that a long catch-up goes as fast as the client reads. */
const pacedBytes = 64 * 1024
const paceMs = 20

/** Events as they happen, with resume. The protocol is in docs/events.md. */
export const eventSocket = (streams: EventStreams): SocketRoute => ({
  path: /^\/v1\.0\/ws$/,
  allows: ({ type }) => type !== 'delegate' && type !== 'direct',
  open: async ({ identity }) => ({ serve: (socket) => serveConnection(socket, identity, streams) }),
})

/** One customer's stream on a connection, and how far it has been told. */
interface Membership {
  cursor: number
  leave: () => void
}

/** One client: its topics, its place in the stream, and what waits to be sent. */
function serveConnection(socket: WebSocket, identity: Identity, streams: EventStreams): { leave: () => void } {
  const topics = new Set<string>()
  /** Leave the streams that nothing is subscribed to any more. */
  const joined = new Map<string, Membership>()
  let outgoing: string[] = []
  let flushTimer: NodeJS.Timeout | undefined
  let work = Promise.resolve()

  function send(frame: object): void {
    outgoing.push(JSON.stringify(frame))
    flushTimer ??= setTimeout(flush, flushEveryMs)
  }

  // One write for all frames of a few milliseconds: a write per frame is what fan-out costs most.
  function flush(): void {
    clearTimeout(flushTimer)
    flushTimer = undefined
    const frames = outgoing
    outgoing = []
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > maxBufferedBytes) {
      socket.close(closeCodes.tooSlow, 'too slow: reconnect and subscribe with your last cursor')
      return
    }
    const raw = rawSocketOf(socket)
    raw?.cork()
    for (const frame of frames) socket.send(frame)
    raw?.uncork()
  }

  function deliver(event: StreamEvent): void {
    const candidates = topicsOf(event)
    const topic = candidates.find((candidate) => [...topics].some((subscribed) => covers(subscribed, candidate)))
    if (topic !== undefined) send(frameOf(event, topic))
  }

  async function subscribe(command: Extract<Command, { type: 'subscribe' }>): Promise<void> {
    const refused = command.topics.flatMap((topic) => {
      const problem = topicProblem(topic, identity)
      return problem ? [{ topic, problem }] : []
    })
    if (refused.length > 0)
      return problem(command, 'TOPIC_NOT_ALLOWED', refused.map((it) => `${it.topic}: ${it.problem}`).join('; '))
    if (topics.size + command.topics.length > maxTopics) {
      return problem(command, 'TOO_MANY_TOPICS', `at most ${maxTopics} topics per connection`)
    }
    for (const topic of command.topics) topics.add(topic)
    let cursor = 0
    for (const customerId of new Set(command.topics.map((topic) => customerOf(topic, identity)))) {
      cursor = await follow(customerId, command.cursor)
    }
    send({ type: 'subscribed', ...idOf(command), topics: command.topics, cursor })
  }

  /** Joins a customer's stream. One that is joined already goes on as it is, or goes back to the cursor, for all its topics. */
  async function follow(customerId: string, cursor: number | undefined): Promise<number> {
    const current = joined.get(customerId)
    if (current && cursor === undefined) return current.cursor
    current?.leave()
    const membership: Membership = { cursor: 0, leave: () => {} }
    joined.set(customerId, membership)
    const from = current && cursor !== undefined ? Math.min(cursor, current.cursor) : cursor
    const listen = (event: StreamEvent): void => {
      membership.cursor = event.cursor
      deliver(event)
    }
    Object.assign(membership, await streams.join(customerId, listen, { cursor: from, pace }))
    return membership.cursor
  }

  async function pace(): Promise<void> {
    flush()
    while (socket.readyState === socket.OPEN && socket.bufferedAmount > pacedBytes) await sleep(paceMs)
    if (socket.readyState !== socket.OPEN) throw new Error('the client has left')
  }

  function unsubscribe(command: Extract<Command, { type: 'unsubscribe' }>): void {
    for (const topic of command.topics) topics.delete(topic)
    const needed = new Set([...topics].map((topic) => customerOf(topic, identity)))
    for (const [customerId, { leave }] of joined) {
      if (needed.has(customerId)) continue
      leave()
      joined.delete(customerId)
    }
    send({ type: 'unsubscribed', ...idOf(command), topics: command.topics })
  }

  const problem = (command: { id?: string | number | undefined }, reason: string, message: string): void =>
    send({ type: 'error', ...idOf(command), reason, message })

  async function handle(text: string): Promise<void> {
    const parsed = Command.safeParse(parseJson(text))
    if (!parsed.success) {
      return problem(
        {},
        'INVALID_ARGUMENT',
        'send {"type":"subscribe"|"unsubscribe","topics":[…],"cursor":n} or {"type":"ping"}',
      )
    }
    const command = parsed.data
    if (command.type === 'ping') send({ type: 'pong', ...idOf(command) })
    else if (command.type === 'subscribe') await subscribe(command)
    else unsubscribe(command)
  }

  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.close(1003, 'text frames only')
    // One command after the other: an unsubscribe must not overtake its subscribe.
    work = work
      .then(() => handle(String(data)))
      // What the client has missed is not known here; it is, to whoever comes back with a cursor.
      .catch(() => socket.close(closeCodes.tryAgain, 'the timeline does not answer: reconnect with your last cursor'))
  })
  socket.on('close', () => {
    clearTimeout(flushTimer)
    void work.then(() => {
      for (const { leave } of joined.values()) leave()
    })
  })
  return {
    leave() {
      flush()
      socket.close(closeCodes.goingAway, 'the server is going away: reconnect and subscribe with your last cursor')
    },
  }
}

/** The webhook's body with what a stream adds: the topic that matched, and where to go on after a reconnect. */
const frameOf = ({ cursor, publisher, owner_id: _, ...event }: StreamEvent, topic: string): object => ({
  ...event,
  publisher,
  topic,
  cursor,
})

const idOf = ({ id }: { id?: string | number | undefined }): object => (id === undefined ? {} : { id })

const rawSocketOf = (socket: WebSocket): import('node:net').Socket | undefined =>
  (socket as unknown as { _socket?: import('node:net').Socket })._socket

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
