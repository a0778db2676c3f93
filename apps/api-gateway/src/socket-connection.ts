import type { Identity } from '@sidetone/contract'
import type { StreamEvent } from '@sidetone/proto-schemas/timeline'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import type { EventStreams } from './event-streams.ts'
import { covers, customerOf, topicProblem, topicsOf } from './topics.ts'

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
export const closeCodes = { tooSlow: 4008, goingAway: 1001 } as const

/** One client: its topics, its place in the stream, and what waits to be sent. */
export function serveConnection(socket: WebSocket, identity: Identity, streams: EventStreams): { flush: () => void } {
  const topics = new Set<string>()
  /** Leave the streams that nothing is subscribed to any more. */
  const joined = new Map<string, { leave: () => void }>()
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
      joined.get(customerId)?.leave()
      const membership = await streams.join(customerId, deliver, command.cursor)
      joined.set(customerId, membership)
      cursor = membership.cursor
    }
    send({ type: 'subscribed', ...idOf(command), topics: command.topics, cursor })
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
      .catch(() => problem({}, 'SERVICE_UNAVAILABLE', 'the timeline does not answer; try again'))
  })
  socket.on('close', () => {
    clearTimeout(flushTimer)
    void work.then(() => {
      for (const { leave } of joined.values()) leave()
    })
  })
  return { flush }
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
