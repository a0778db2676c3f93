import { header, type SipRequest } from './message.ts'
import { createPacketLimiter } from './throttle.ts'

/** What the tools call themselves that look for open SIP servers. Who hides that meets the limits below. */
const SCANNERS =
  /friendly-scanner|sipvicious|sipcli|sip-?scan|sipsak|sundayddr|iwar|sivus|smap|vaxsipuseragent|pplsip|sipptk|gulp|mr\.sip|viproy/i

/** Of a source that nobody knows, requests outside of dialogs: enough for a house full of phones that start. */
const NEW_PER_SECOND = 10
const NEW_BURST = 40
const KNOWN_MS = 3_600_000
const KNOWN_LIMIT = 100_000

export type GuardCounter = 'sip_scanners_dropped' | `sip_${'options' | 'register' | 'invite' | 'other'}_limited`

const LIMITED = new Map<string, GuardCounter>([
  ['OPTIONS', 'sip_options_limited'],
  ['REGISTER', 'sip_register_limited'],
  ['INVITE', 'sip_invite_limited'],
])

/**
 * Which requests are listened to at all; the others get no answer, so that whoever sends them learns nothing. No source is ever shut out
 * for what one packet says: over UDP anybody can write another's address on it.
 */
export function createSourceGuard(options: {
  isTrusted(source: string): boolean
  count(name: GuardCounter): void
  now?: () => number
}) {
  const { isTrusted, count, now = Date.now } = options
  const limit = createPacketLimiter(NEW_PER_SECOND, NEW_BURST, now)
  const known = new Map<string, number>()

  return {
    /** Somebody there has shown who he is. */
    proven(source: string): void {
      known.delete(source)
      known.set(source, now() + KNOWN_MS)
      if (known.size > KNOWN_LIMIT) known.delete(known.keys().next().value!)
    },
    admits(request: SipRequest, source: string): boolean {
      if (isTrusted(source)) return true
      if (SCANNERS.test(header(request, 'user-agent') ?? '')) {
        count('sip_scanners_dropped')
        return false
      }
      const { method, to } = request
      if (method === 'ACK' || method === 'CANCEL' || to.params.has('tag')) return true
      if ((known.get(source) ?? 0) > now() || limit(source)) return true
      count(LIMITED.get(method) ?? 'sip_other_limited')
      return false
    },
  }
}
