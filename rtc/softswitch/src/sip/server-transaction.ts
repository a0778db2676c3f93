import { type Flow, isReliable } from './flow.ts'
import type { SipRequest } from './message.ts'
import { buildResponse, type ResponseOptions } from './response.ts'
import { serializeMessage } from './serialize-message.ts'
import { resendWithBackoff, type SipTimers } from './timers.ts'

/** RFC 3261 §17.2 (and RFC 6026 for the 2xx): one request, and the responses to it. */
export interface ServerTransaction {
  readonly request: SipRequest
  readonly flow: Flow
  readonly answered: boolean
  respond(status: number, options?: ResponseOptions): void
  /** Set by who answers the INVITE: the caller gave up before a final response. */
  onCancel?: ((cancel: SipRequest) => void) | undefined
  /** Set by who answers the INVITE: the 2xx was never acknowledged (§13.3.1.4). */
  onAckTimeout?: (() => void) | undefined
  /** The ACK of a 2xx arrived; it is another transaction, so the dialog has to say so. */
  acknowledged(): void
}

/** What the transaction layer drives. */
export interface DrivenServerTransaction extends ServerTransaction {
  /** The request (or, for INVITE, its ACK) came again. */
  receive(request: SipRequest): void
  dispose(): void
}

export function createServerTransaction(options: {
  request: SipRequest
  flow: Flow
  timers: SipTimers
  onTerminated: () => void
}): DrivenServerTransaction {
  const { request, flow, timers } = options
  const invite = request.method === 'INVITE'
  const unreliable = !isReliable(flow)
  const giveUpMs = 64 * timers.t1Ms
  let state: 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated' = 'proceeding'
  let last: Buffer | undefined
  let stopResending = () => {}
  let ending: NodeJS.Timeout | undefined

  const resend = () => {
    if (last) flow.send(last)
  }
  function terminate() {
    if (state === 'terminated') return
    state = 'terminated'
    stopResending()
    clearTimeout(ending)
    options.onTerminated()
  }
  const endAfter = (ms: number, before?: () => void) => {
    clearTimeout(ending)
    ending = setTimeout(() => {
      before?.()
      terminate()
    }, ms)
  }

  const transaction: DrivenServerTransaction = {
    request,
    flow,
    get answered() {
      return state !== 'proceeding'
    },
    respond(status, responseOptions) {
      if (state !== 'proceeding') return
      last = serializeMessage(buildResponse(request, status, responseOptions))
      resend()
      if (status < 200) return
      transaction.onCancel = undefined // it holds the leg and its audio, and this lasts half a minute longer
      if (!invite) {
        state = 'completed'
        endAfter(unreliable ? giveUpMs : 0) // Timer J
      } else if (status < 300) {
        state = 'accepted'
        // §13.3.1.4: the 2xx is repeated over every transport until its ACK comes.
        stopResending = resendWithBackoff(resend, timers.t1Ms, timers.t2Ms)
        endAfter(giveUpMs, () => transaction.onAckTimeout?.()) // Timer L, RFC 6026 §7.1
      } else {
        state = 'completed'
        if (unreliable) stopResending = resendWithBackoff(resend, timers.t1Ms, timers.t2Ms) // Timer G
        endAfter(giveUpMs) // Timer H
      }
    },
    acknowledged() {
      stopResending()
      transaction.onAckTimeout = undefined
    },
    receive(again) {
      if (again.method === 'ACK') {
        if (state !== 'completed') return
        state = 'confirmed'
        stopResending()
        endAfter(unreliable ? timers.t4Ms : 0) // Timer I
      } else if (state === 'proceeding' || state === 'completed') resend()
    },
    dispose: terminate,
  }
  return transaction
}
