import { type NameAddr, parseNameAddr } from './name-addr.ts'
import { splitOutsideQuotes } from './params.ts'
import { parseVia, type Via } from './via.ts'

/** Header lines in order, names canonical (`call-id`, never `i`). */
export type Headers = [name: string, value: string][]

interface Common {
  headers: Headers
  body: Buffer
  /** Parsed once, because every layer needs them. */
  via: Via
  from: NameAddr
  to: NameAddr
  callId: string
  cseq: { number: number; method: string }
}

export interface SipRequest extends Common {
  kind: 'request'
  method: string
  uri: string
}

export interface SipResponse extends Common {
  kind: 'response'
  status: number
  reason: string
}

export type SipMessage = SipRequest | SipResponse

export function header(message: { headers: Headers }, name: string): string | undefined {
  return message.headers.find(([key]) => key === name)?.[1]
}

/** Every value of a header that may be a comma list or be repeated (RFC 3261 §7.3.1). */
export function headerList(message: { headers: Headers }, name: string): string[] {
  const values: string[] = []
  for (const [key, value] of message.headers) {
    if (key === name) values.push(...(splitOutsideQuotes(value, ',') ?? [value]))
  }
  return values.filter((value) => value !== '')
}

export const nameAddrList = (message: { headers: Headers }, name: string): NameAddr[] =>
  headerList(message, name).flatMap((value) => parseNameAddr(value) ?? [])

export const viaList = (message: { headers: Headers }): Via[] =>
  headerList(message, 'via').flatMap((value) => parseVia(value) ?? [])

/** Fills in what `Common` holds parsed; `null` when a mandatory header (§8.1.1) is missing or broken. */
export function parseCommon(headers: Headers, body: Buffer): Common | null {
  const one = (name: string): string | null => {
    const values = headers.filter(([key]) => key === name)
    return values.length === 1 ? values[0]![1] : null
  }
  const top = headers.find(([key]) => key === 'via')?.[1]
  const via = top === undefined ? null : parseVia(splitOutsideQuotes(top, ',')?.[0] ?? '')
  const from = parseNameAddr(one('from') ?? '')
  const to = parseNameAddr(one('to') ?? '')
  const callId = one('call-id')?.trim() ?? ''
  const cseq = /^(\d{1,10})\s+([A-Za-z0-9\-.!%*_+`'~]+)$/.exec(one('cseq')?.trim() ?? '')
  if (!via || !from || !to || callId === '' || /\s/.test(callId) || !cseq) return null
  const number = Number(cseq[1])
  // §8.1.1.5: less than 2**31
  if (number >= 2 ** 31) return null
  return { headers, body, via, from, to, callId, cseq: { number, method: cseq[2]! } }
}
