import { type Flow, isReliable } from './flow.ts'
import type { SipResponse } from './message.ts'
import { resendWithBackoff, type SipTimers } from './timers.ts'

export interface ClientHandlers {
  /** Provisional and final responses; for INVITE also each repeated 2xx, which wants its ACK again. */
  onResponse(response: SipResponse): void
  /** No final response in time (Timer B or F), or the transport is gone: treat as 408 or 503 (RFC 3261 §8.1.3.1). */
  onFailure(status: 408 | 503): void
}

/** What the transaction layer drives (RFC 3261 §17.1, RFC 6026). */
export interface DrivenClientTransaction {
  readonly flow: Flow
  receive(response: SipResponse): void
  transportFailed(): void
  /** A CANCEL was sent: a peer that does not answer the INVITE then never will (§9.1). */
  cancelled(): void
  dispose(): void
  readonly gotProvisional: boolean
  readonly finished: boolean
}

export function createClientTransaction(options: {
  method: string
  data: Buffer
  flow: Flow
  timers: SipTimers
  /** Makes the ACK of a non-2xx response (§17.1.1.3). */
  ackFor(response: SipResponse): Buffer
  handlers: ClientHandlers
  onTerminated: () => void
}): DrivenClientTransaction {
  const { data, flow, timers, handlers } = options
  const invite = options.method === 'INVITE'
  const unreliable = !isReliable(flow)
  let state: 'calling' | 'proceeding' | 'accepted' | 'completed' | 'terminated' = 'calling'
  let stopResending = () => {}

  function terminate() {
    if (state === 'terminated') return
    state = 'terminated'
    stopResending()
    clearTimeout(timeout)
    options.onTerminated()
  }
  const endAfter = (ms: number) => {
    clearTimeout(timeout)
    timeout = setTimeout(terminate, ms)
  }
  const fail = (status: 408 | 503) => {
    if (state !== 'calling' && state !== 'proceeding') return
    terminate()
    handlers.onFailure(status)
  }

  let timeout = setTimeout(() => fail(408), 64 * timers.t1Ms) // Timer B or F
  flow.send(data)
  // Timer A doubles without a limit, Timer E up to T2.
  if (unreliable) {
    stopResending = resendWithBackoff(() => flow.send(data), timers.t1Ms, invite ? 64 * timers.t1Ms : timers.t2Ms)
  }

  return {
    flow,
    get gotProvisional() {
      return state === 'proceeding'
    },
    get finished() {
      return state !== 'calling' && state !== 'proceeding'
    },
    receive(response) {
      if (state === 'terminated') return
      if (response.status < 200) {
        if (state !== 'calling' && state !== 'proceeding') return
        state = 'proceeding'
        if (invite) {
          stopResending()
          clearTimeout(timeout) // how long a phone may ring is the caller's decision
        }
        handlers.onResponse(response)
      } else if (state === 'completed') {
        if (invite) flow.send(options.ackFor(response))
      } else if (invite && response.status < 300) {
        stopResending()
        if (state !== 'accepted') endAfter(64 * timers.t1Ms) // Timer M
        state = 'accepted'
        handlers.onResponse(response)
      } else if (state !== 'accepted') {
        state = 'completed'
        stopResending()
        if (invite) flow.send(options.ackFor(response))
        endAfter(unreliable ? (invite ? 64 * timers.t1Ms : timers.t4Ms) : 0) // Timer D or K
        handlers.onResponse(response)
      }
    },
    transportFailed: () => fail(503),
    cancelled() {
      if (state === 'proceeding') timeout = setTimeout(() => fail(408), 64 * timers.t1Ms)
    },
    dispose: terminate,
  }
}
