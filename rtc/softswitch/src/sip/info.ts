import { header, type SipRequest } from './message.ts'

/** Bodies of INFO that we understand. */
export const INFO_TYPES = 'application/dtmf-relay, application/dtmf'

/** Keys by number too, as RFC 4733 §3.2 counts them and some gateways send them: 10 is the star, 11 the pound. */
const KEYS = '0123456789*#ABCD'

/** The key of an INFO, and how long it was pressed; a status when it tells of none. */
export function readInfo(request: SipRequest): { digit: string; durationMs: number } | number {
  const type = header(request, 'content-type')?.toLowerCase().split(';')[0]?.trim()
  if (type !== 'application/dtmf-relay' && type !== 'application/dtmf') return request.body.length === 0 ? 200 : 415
  const text = request.body.toString('utf8')
  const signal = /^(?:\s*Signal\s*=\s*)?(1[0-5]|[0-9A-D*#])\s*$/im.exec(text)?.[1]?.toUpperCase()
  if (signal === undefined) return 400
  const digit = signal.length === 1 ? signal : KEYS[Number(signal)]!
  return { digit, durationMs: Number(/^\s*Duration\s*=\s*(\d{1,5})\s*$/im.exec(text)?.[1] ?? 100) }
}
