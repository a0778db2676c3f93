import { type Headers, header, headerList, type SipRequest, type SipResponse } from './message.ts'
import { parseParams } from './params.ts'

/** What we ask for, as Asterisk does; the least is RFC 4028 §4's own. */
export const SESSION_SECONDS = 1800
const MIN_SE_SECONDS = 90
/** RFC 4028 §10: the BYE of who waits for a refresh comes a little before the end. */
const MARGIN_SECONDS = 32

export interface SessionInterval {
  seconds: number
  /** Whether we keep the session alive, or the peer does. */
  weRefresh: boolean
}

type Refresher = 'uac' | 'uas'

function readSessionExpires(message: {
  headers: Headers
}): { seconds: number; refresher: Refresher | undefined } | null {
  const match = /^\s*(\d{1,9})\s*(?:;(.*))?$/.exec(header(message, 'session-expires') ?? '')
  if (!match) return null
  const refresher = parseParams(match[2] ?? '')
    ?.get('refresher')
    ?.toLowerCase()
  return { seconds: Number(match[1]), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined }
}

const minSe = (message: { headers: Headers }): number =>
  Number(/^\s*(\d{1,9})/.exec(header(message, 'min-se') ?? '')?.[1] ?? 0)

const supportsTimer = (message: { headers: Headers }): boolean =>
  [...headerList(message, 'supported'), ...headerList(message, 'require')].some((one) => one.toLowerCase() === 'timer')

/** What a request for a session, or its refresh, says of the timer (§7.1); `refresher` once that is settled. */
export const timerOffer = (seconds: number, refresher?: Refresher): Headers => [
  ['session-expires', `${seconds}${refresher === undefined ? '' : `;refresher=${refresher}`}`],
  ['min-se', String(Math.min(seconds, MIN_SE_SECONDS))],
]

/** The longer interval to ask for after a 422 (§7.3); `null` when there is none. */
export function afterTooSmall(response: SipResponse, asked: number): number | null {
  const wanted = minSe(response)
  return response.status === 422 && wanted > asked ? wanted : null
}

/** Our answer to what the peer asks for (§9): a refusal, or what our 2xx says and what then holds. */
export function answerTimer(
  request: SipRequest,
): { status: 422; headers: Headers } | { headers: Headers; interval: SessionInterval | null } {
  const asked = readSessionExpires(request)
  if (!asked) return { headers: [], interval: null }
  if (asked.seconds < MIN_SE_SECONDS) return { status: 422, headers: [['min-se', String(MIN_SE_SECONDS)]] }
  // A proxy may have asked for a caller that knows nothing of it: then it is for us to refresh.
  const refresher = supportsTimer(request) ? (asked.refresher ?? 'uac') : 'uas'
  const required: Headers = refresher === 'uac' ? [['require', 'timer']] : []
  return {
    headers: [['session-expires', `${asked.seconds};refresher=${refresher}`], ...required],
    interval: { seconds: asked.seconds, weRefresh: refresher === 'uas' },
  }
}

/** What holds by the 2xx to a request of ours (§7.2). */
export function agreedTimer(response: SipResponse): SessionInterval | null {
  const agreed = readSessionExpires(response)
  return agreed && { seconds: agreed.seconds, weRefresh: agreed.refresher !== 'uas' }
}

/** Keeps a session alive, or ends it when nobody does (§10). */
export function createSessionTimer(on: { refresh(seconds: number): void; expired(): void }) {
  let refreshing: NodeJS.Timeout | undefined
  let ending: NodeJS.Timeout | undefined

  function stop() {
    clearTimeout(refreshing)
    clearTimeout(ending)
  }
  return {
    /** Begins anew with each 2xx; `null`: nobody asks for a timer. */
    start(interval: SessionInterval | null) {
      stop()
      if (!interval) return
      const { seconds, weRefresh } = interval
      if (weRefresh) refreshing = setTimeout(() => on.refresh(seconds), seconds * 500)
      const margin = weRefresh ? 0 : Math.min(MARGIN_SECONDS, seconds / 3)
      ending = setTimeout(on.expired, (seconds - margin) * 1000)
    },
    stop,
  }
}
