import { AsyncLocalStorage } from 'node:async_hooks'
import { commonError, type EventEnvelope, type ReplyEnvelope, type RequestEnvelope } from '@sidetone/contract'
import { type Logger, pino } from 'pino'
import type { Registry } from 'prom-client'
import { currentRequest } from './current-request.ts'
import { createEventRunner, type EventRunner } from './event-runner.ts'
import { jsonCopy } from './json-copy.ts'
import { busMetrics } from './metrics.ts'
import { type Delivery, defaultDrainMs, type RequestHandler, type Transport } from './transport.ts'
import { type WorkInFlight, workInFlight } from './work-in-flight.ts'

interface InProcessOptions {
  log?: Logger | undefined
  registry?: Registry | undefined
  retryDelaysMs?: readonly number[] | undefined
}

interface Server {
  handler: RequestHandler
  prefetch: number
  running: number
  waiting: Job[]
  inFlight: WorkInFlight
  /** Handlers must not inherit the caller's async context (its transaction, say), as they would not over a broker. */
  outside: <A>(work: (argument: A) => void, argument: A) => void
}

interface Job {
  server: Server
  request: RequestEnvelope
  resolve: (reply: ReplyEnvelope) => void
  reject: (error: unknown) => void
  timer: NodeJS.Timeout
}

interface Subscriber {
  types: ReadonlySet<string> | 'all'
  runner: EventRunner
  outside: <T>(work: () => T) => T
}

const delivery: Delivery = { redelivered: false }

/** The bus inside one process. Messages are copied as JSON would, so that nothing works here that a broker would break. */
export function createInProcessTransport({ log = pino(), registry, retryDelaysMs }: InProcessOptions = {}): Transport {
  const servers = new Map<string, Server>()
  const subscribers = new Map<string, Subscriber>()
  const requests = workInFlight()
  const metrics = busMetrics(registry)
  let open = true

  return {
    request(queue, envelope) {
      const server = servers.get(queue)
      // While it drains, it carries what the accepted work needs to end well, and nothing new.
      const welcome = server && (open || currentRequest())
      return welcome ? accept(server, envelope) : Promise.reject(commonError('SERVICE_UNAVAILABLE'))
    },

    async serve(queue, handler, { prefetch }) {
      if (servers.has(queue)) throw new Error(`${queue} is already served in this process`)
      const outside = AsyncLocalStorage.snapshot()
      const inFlight = workInFlight(requests)
      const server = { handler, prefetch, running: 0, waiting: [], inFlight, outside }
      servers.set(queue, server)
      return {
        async close({ drainMs = defaultDrainMs } = {}) {
          servers.delete(queue)
          const left = await inFlight.idle(drainMs)
          if (left > 0) log.warn({ queue, left }, 'requests were still running when the drain time was up')
        },
      }
    },

    async publish(event) {
      if (!open) throw commonError('SERVICE_UNAVAILABLE')
      const hearing = Array.from(subscribers.values()).filter(({ types }) => types === 'all' || types.has(event.type))
      const outcomes = await Promise.all(
        hearing.map(({ runner, outside }) => outside(() => runner.run(jsonCopy(event) as EventEnvelope))),
      )
      if (outcomes.includes('released')) throw commonError('SERVICE_UNAVAILABLE')
    },

    async subscribe({ name, types, handler, onDeadLetter }) {
      if (subscribers.has(name)) throw new Error(`${name} has already subscribed in this process`)
      const bury = async (event: EventEnvelope, reason: string) => onDeadLetter?.(event, reason)
      const runner = createEventRunner({ name, handler, bury, retryDelaysMs, log, metrics })
      const outside = AsyncLocalStorage.snapshot()
      subscribers.set(name, { types: types === 'all' ? types : new Set(types), runner, outside })
      return {
        async close({ drainMs = defaultDrainMs } = {}) {
          // Stopped before it is forgotten: an event that comes in between must be refused, not missed.
          await runner.stop(drainMs)
          subscribers.delete(name)
        },
      }
    },

    ready: () => open,

    async close({ drainMs = defaultDrainMs } = {}) {
      open = false
      const reactions = Array.from(subscribers.values(), ({ runner }) => runner.stop(drainMs))
      const [left] = await Promise.all([requests.idle(drainMs), ...reactions])
      if (left > 0) log.warn({ left }, 'requests were still running when the drain time was up')
      servers.clear()
    },
  }
}

function accept(server: Server, envelope: RequestEnvelope): Promise<ReplyEnvelope> {
  const remainingMs = envelope.deadline - Date.now()
  if (remainingMs <= 0) return Promise.reject(commonError('DEADLINE_EXCEEDED'))
  const request = jsonCopy(envelope) as RequestEnvelope
  return new Promise((resolve, reject) => {
    const timer = setTimeout(rejectLate, remainingMs, reject)
    const job = { server, request, resolve, reject, timer }
    server.inFlight.begin()
    if (server.running < server.prefetch) server.outside(start, job)
    else server.waiting.push(job)
  })
}

const rejectLate = (reject: (error: unknown) => void) => reject(commonError('DEADLINE_EXCEEDED'))

async function start(job: Job): Promise<void> {
  const { server, request } = job
  server.running++
  try {
    if (Date.now() < request.deadline) job.resolve(jsonCopy(await server.handler(request, delivery)) as ReplyEnvelope)
  } catch (cause) {
    job.reject(commonError('INTERNAL', { cause }))
  }
  clearTimeout(job.timer)
  server.running--
  server.inFlight.end()
  const next = server.waiting.shift()
  if (next) server.outside(start, next)
}
