import { requestWithLogin } from './answer-challenge.ts'
import { dialogRequest } from './dialog.ts'
import type { Headers, SipResponse } from './message.ts'
import { makeOffer } from './sdp.ts'
import type { Session } from './session.ts'
import { afterTooSmall, agreedTimer, type SessionInterval, timerOffer } from './session-timer.ts'
import { SUPPORTED } from './sip-leg.ts'
import type { UserAgent } from './user-agent.ts'

/** §14.1: so long after a 491 we try again; the UAC of the call, whose Call-ID it is, waits longer. In milliseconds. */
const glareWait = (isCaller: boolean): number => 10 * Math.round(Math.random() * 200) + (isCaller ? 2100 : 0)
const BUSY_WAIT_MS = 1000

/** Keeps the session of a dialog alive (RFC 4028 §7.4): by UPDATE where the peer takes it, else by a re-INVITE that changes nothing. */
export function createRefresh({
  agent,
  session,
  applySdp,
  agreed,
  bye,
}: {
  agent: UserAgent
  session: Session
  applySdp(body: Buffer): boolean
  agreed(interval: SessionInterval | null): void
  bye(cause: number): void
}) {
  let again: NodeJS.Timeout | undefined
  const later = (seconds: number, ms: number) => {
    again = setTimeout(() => refresh(seconds), ms)
  }

  function refresh(seconds: number) {
    const { dialog, login } = session
    if (session.ended || !dialog) return
    // §14.1: one at a time.
    if (session.offer !== 'none') return later(seconds, BUSY_WAIT_MS)
    const method = session.peerUpdates ? 'UPDATE' : 'INVITE'
    let seq = 0
    let credentials: Headers = []
    let isDone = false
    if (method === 'INVITE') {
      session.offer = 'ours'
      session.local.version++
    }
    const content = (): { headers: Headers; body?: Buffer } =>
      method === 'INVITE'
        ? { headers: [['content-type', 'application/sdp']], body: makeOffer(session.local) }
        : { headers: [] }

    function onFinal(response: SipResponse) {
      const { status } = response
      if (method === 'INVITE') {
        if (status < 300) agent.ackInDialog(dialog!, dialogRequest(dialog!, 'ACK', { seq, headers: credentials }))
        if (isDone) return // a repeated 2xx
        session.offer = 'none'
      }
      isDone = true
      if (session.ended) return
      const longer = afterTooSmall(response, seconds)
      if (status < 300) {
        if (method === 'INVITE' && !applySdp(response.body)) return bye(58)
        agreed(agreedTimer(response))
      } else if (longer !== null) refresh(longer)
      else if (status === 491) later(seconds, glareWait(session.isCaller))
      else if (status === 408 || status === 481) bye(102) // §12.2.1.2: the dialog is gone
      // Other failures leave the session as it was; when it runs out it ends.
    }

    requestWithLogin({
      login,
      build(given) {
        credentials = given
        const { headers, body } = content()
        const all: Headers = [
          ['contact', agent.contact(dialog.flow)],
          ['supported', SUPPORTED],
          ...timerOffer(seconds, 'uac'),
          ...given,
          ...headers,
        ]
        const request = dialogRequest(dialog, method, { headers: all, body })
        seq = dialog.localSeq
        return request
      },
      send: (request, handlers) => agent.requestInDialog(dialog, request, handlers),
      wanted: () => !session.ended,
      handlers: {
        onResponse(response) {
          if (response.status >= 200) onFinal(response)
        },
        onFailure() {
          session.offer = 'none'
          bye(102)
        },
      },
    })
  }

  return { refresh, stop: () => clearTimeout(again) }
}
