import { setTimeout as sleep } from 'node:timers/promises'
import { type EventEnvelope, internalIdentity } from '@sidetone/contract'
import type { Logger } from 'pino'
import { runForRequest } from './current-request.ts'
import type { BusMetrics } from './metrics.ts'
import { inSpan, reacting } from './tracing.ts'
import { workInFlight } from './work-in-flight.ts'

/** `released`: not handled here, to be delivered again. */
type Outcome = 'handled' | 'dead' | 'released'

export interface EventRunner {
  /** Handles an event after all earlier ones of its resource; releases it when it is no longer `wanted` at its turn. Never rejects. */
  run(event: EventEnvelope, wanted?: () => boolean): Promise<Outcome>
  /** Releases what has not begun, waits at most `drainMs` for what has. */
  stop(drainMs: number): Promise<void>
}

interface RunnerOptions {
  name: string
  handler: (event: EventEnvelope) => Promise<void>
  /** Puts an event into the dead letter. */
  bury: (event: EventEnvelope, reason: string) => Promise<void>
  retryDelaysMs?: readonly number[] | undefined
  log: Logger
  metrics: BusMetrics
}

const usualRetryDelaysMs = [300, 1_000, 2_700, 6_000]
const buryAgainMs = 1_000
const concurrency = 64

/** Runs a subscriber's handler: in order per resource, resources side by side, failures retried and then buried. */
export function createEventRunner({
  name,
  handler,
  bury,
  retryDelaysMs = usualRetryDelaysMs,
  log,
  metrics,
}: RunnerOptions): EventRunner {
  const stopped = new AbortController()
  const inFlight = workInFlight()
  const lastOf = new Map<string, Promise<Outcome>>()
  const waiting: (() => void)[] = []
  let running = 0

  async function takePlace(): Promise<void> {
    if (running < concurrency) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
  }

  function leavePlace(): void {
    const next = waiting.shift()
    if (next) next()
    else running--
  }

  const pause = (delayMs: number) => sleep(delayMs, undefined, { signal: stopped.signal }).catch(() => undefined)

  function react(event: EventEnvelope): Promise<void> {
    const request = {
      request_id: event.id,
      deadline: Number.POSITIVE_INFINITY,
      identity: internalIdentity(event.customer_id),
      actor: event.actor,
      operation: event.type,
    }
    return runForRequest(request, () => inSpan(`${name} ${event.type}`, reacting, () => handler(event)))
  }

  async function handle(event: EventEnvelope, wanted: () => boolean): Promise<Outcome> {
    const labels = { subscriber: name, type: event.type }
    const context = { ...labels, event_id: event.id, resource_id: event.resource_id }
    let failure: unknown
    for (let tries = 0; tries <= retryDelaysMs.length; tries++) {
      if (tries > 0) await pause(retryDelaysMs[tries - 1]!)
      await takePlace()
      try {
        if (stopped.signal.aborted || !wanted()) return 'released'
        await react(event)
        metrics.eventsHandled.inc(labels)
        return 'handled'
      } catch (err) {
        failure = err
        log.warn({ ...context, tries: tries + 1, err }, 'event handler failed')
      } finally {
        leavePlace()
      }
    }
    const reason = failure instanceof Error ? failure.message : String(failure)
    // For as long as it takes: if this event were left behind, later ones of its resource would overtake it.
    while (!(await tryToBury(event, reason))) {
      await pause(buryAgainMs)
      if (stopped.signal.aborted || !wanted()) return 'released'
    }
    metrics.eventsDeadLetter.inc(labels)
    log.error({ ...context, err: failure }, 'event given up, it is in the dead letter')
    return 'dead'
  }

  async function tryToBury(event: EventEnvelope, reason: string): Promise<boolean> {
    try {
      await bury(event, reason)
      return true
    } catch (err) {
      log.error({ subscriber: name, event_id: event.id, err }, 'event could not be put into the dead letter')
      return false
    }
  }

  return {
    run(event, wanted = () => true) {
      const key = event.resource_id
      const before = lastOf.get(key)
      inFlight.begin()
      const outcome = (before ? before.then(() => handle(event, wanted)) : handle(event, wanted)).finally(() => {
        inFlight.end()
        if (lastOf.get(key) === outcome) lastOf.delete(key)
      })
      lastOf.set(key, outcome)
      return outcome
    },
    async stop(drainMs) {
      stopped.abort()
      const left = await inFlight.idle(drainMs)
      if (left > 0) log.warn({ subscriber: name, left }, 'events were still handled when the drain time was up')
    },
  }
}
