import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  commonError,
  type ErrorStatus,
  httpStatusOf,
  type ReplyEnvelope,
  type RequestEnvelope,
} from '@sidetone/contract'
import type { Logger } from 'pino'
import type { Delivery } from './transport.ts'

/** Remembers the answers to requests that must not take effect twice. */
export interface IdempotencyStore {
  /**
   * `new`: it is the caller's to run. `running`: another attempt holds it. `lost`: another attempt held it and died.
   * `mismatch`: the key stands for a different request.
   */
  begin(
    key: string,
    requestHash: string,
  ): Promise<{ state: 'new' } | { state: 'done'; reply: ReplyEnvelope } | { state: 'running' | 'lost' | 'mismatch' }>
  /** Keeps the answer. */
  finish(key: string, reply: ReplyEnvelope): Promise<void>
  /** Forgets the attempt, so that the next one runs. */
  abandon(key: string): Promise<void>
}

const pollMs = 100
/** What an answer needs to reach the caller before its deadline. */
const answerMs = 250
/** After these a repetition may go better, so it must be free to run. */
const passing = (['INTERNAL', 'UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED'] satisfies ErrorStatus[]).map(
  (status) => httpStatusOf[status] as number,
)

const sha256 = (...parts: string[]) => hash('sha256', parts.join('\n'), 'base64url')

/** The key that a request is remembered by, or none when nothing can repeat it. At most 128 characters. */
export function idempotencyKeyOf(operation: string, envelope: RequestEnvelope, { id }: Delivery): string | undefined {
  const { idempotency_key, identity } = envelope
  if (idempotency_key) return `${operation}:${sha256('key', identity.customer_id, idempotency_key)}`
  return id && `${operation}:${sha256('delivery', id)}`
}

interface Once {
  key: string
  input: unknown
  deadline: number
  run: () => Promise<ReplyEnvelope>
  log: Logger
}

/** Runs a request unless it ran before; then answers what was answered. Rejects with an `ApiError` when neither is possible. */
export async function runOnce(
  store: IdempotencyStore,
  { key, input, deadline, run, log }: Once,
): Promise<ReplyEnvelope> {
  const requestHash = sha256(JSON.stringify(input) ?? '')
  for (;;) {
    const begun = await store.begin(key, requestHash)
    if (begun.state === 'new') break
    if (begun.state === 'done') return begun.reply
    if (begun.state === 'mismatch') throw commonError('IDEMPOTENCY_KEY_REUSED')
    if (begun.state === 'lost') throw commonError('OUTCOME_UNKNOWN')
    if (Date.now() + pollMs + answerMs >= deadline) throw commonError('REQUEST_IN_PROGRESS')
    await sleep(pollMs)
  }
  const reply = await run()
  try {
    await (passing.includes(reply.status_code) ? store.abandon(key) : store.finish(key, reply))
  } catch (err) {
    // The effect is there and the caller should know; a repetition will hear OUTCOME_UNKNOWN.
    log.error({ key, err }, 'the answer to a request could not be recorded')
  }
  return reply
}
