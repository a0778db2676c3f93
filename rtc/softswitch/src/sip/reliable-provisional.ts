import type { ResponseOptions } from './response.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { resendWithBackoff } from './timers.ts'

/**
 * The provisional responses to one INVITE (RFC 3262 §3). To a caller that requires it they are reliable: each is repeated until its
 * PRACK comes, and the next one waits for that.
 */
export function createProvisional(options: {
  transaction: ServerTransaction
  isReliable: boolean
  t1Ms: number
  /** No PRACK came: the INVITE is to be refused. */
  onUnacknowledged(): void
}) {
  const { transaction, isReliable, t1Ms } = options
  const waiting: (() => void)[] = []
  let rseq = Math.floor(Math.random() * 2 ** 30) + 1
  let unacknowledged: { rseq: number; stop(): void } | undefined

  function sendReliably(status: number, given: ResponseOptions) {
    rseq++
    const headers = [...(given.headers ?? []), ['require', '100rel'], ['rseq', String(rseq)]] as [string, string][]
    const send = () => transaction.respond(status, { ...given, headers })
    const stopResending = resendWithBackoff(send, t1Ms, Number.POSITIVE_INFINITY)
    const giveUp = setTimeout(() => {
      stopResending()
      unacknowledged = undefined
      options.onUnacknowledged()
    }, 64 * t1Ms)
    unacknowledged = {
      rseq,
      stop() {
        stopResending()
        clearTimeout(giveUp)
      },
    }
    send()
  }

  /** Runs when nothing waits for its PRACK. */
  function whenAcknowledged(run: () => void) {
    if (unacknowledged || waiting.length > 0) waiting.push(run)
    else run()
  }

  return {
    whenAcknowledged,
    respond(status: number, given: ResponseOptions) {
      if (!isReliable) return transaction.respond(status, given)
      whenAcknowledged(() => {
        if (!transaction.answered) sendReliably(status, given)
      })
    },
    /** Whether a PRACK is for what waits for one (§3); 481 if not. */
    acknowledge(rack: string | undefined): boolean {
      const [, response, seq, method] = /^\s*(\d{1,10})\s+(\d{1,10})\s+(\S+)\s*$/.exec(rack ?? '') ?? []
      const { cseq } = transaction.request
      if (!unacknowledged || Number(response) !== unacknowledged.rseq) return false
      if (Number(seq) !== cseq.number || method !== 'INVITE') return false
      unacknowledged.stop()
      unacknowledged = undefined
      return true
    },
    /** What waited for the PRACK that has just been answered. */
    goOn() {
      while (!unacknowledged && waiting.length > 0) waiting.shift()!()
    },
    stop() {
      unacknowledged?.stop()
      waiting.length = 0
    },
  }
}
