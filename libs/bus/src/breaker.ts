import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, commonError, type ReplyEnvelope, type RequestEnvelope } from '@sidetone/contract'
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import type { Transport } from './transport.ts'

const failuresToOpen = 20
const openMs = 1_000
/** The second one outlasts a reconnect. */
const retryDelaysMs = [50, 250]

const isUnavailable = (error: unknown) => error instanceof ApiError && error.status === 'UNAVAILABLE'
const isUnreached = (error: unknown) =>
  isUnavailable(error) || (error instanceof ApiError && error.status === 'DEADLINE_EXCEEDED')

/**
 * Sends requests to one manager and leaves it alone for a while when it does not answer. Only what the transport says
 * counts: an error that the manager answers with is an answer.
 */
export function createBreaker(
  transport: Transport,
): (queue: string, envelope: RequestEnvelope, idempotent: boolean) => Promise<ReplyEnvelope> {
  const breaker = circuitBreaker(handleWhen(isUnreached), {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failuresToOpen),
  })

  let failing = false

  async function send(queue: string, envelope: RequestEnvelope): Promise<ReplyEnvelope> {
    // It counts failures in a row: of successes it needs to hear only the one that ends such a row.
    if (!failing) return transport.request(queue, envelope).catch(count)
    // cockatiel would let others wait for the outcome of the trial, possibly past their deadline.
    if (breaker.state === CircuitState.HalfOpen) throw commonError('SERVICE_UNAVAILABLE')
    try {
      const reply = await breaker.execute(() => transport.request(queue, envelope))
      failing = false
      return reply
    } catch (error) {
      throw error instanceof BrokenCircuitError ? commonError('SERVICE_UNAVAILABLE') : error
    }
  }

  async function count(error: unknown): Promise<never> {
    if (isUnreached(error)) {
      failing = true
      await breaker.execute(() => Promise.reject(error)).catch(() => {})
    }
    throw error
  }

  async function sendRepeatedly(queue: string, envelope: RequestEnvelope): Promise<ReplyEnvelope> {
    for (const delayMs of retryDelaysMs) {
      try {
        return await send(queue, envelope)
      } catch (error) {
        const worthIt = isUnavailable(error) && breaker.state === CircuitState.Closed
        if (!worthIt || Date.now() + delayMs >= envelope.deadline) throw error
        await sleep(delayMs)
      }
    }
    return send(queue, envelope)
  }

  return (queue, envelope, idempotent) => (idempotent ? sendRepeatedly(queue, envelope) : send(queue, envelope))
}
