import { type Headers, parseCommon, type SipMessage } from './message.ts'
import { isToken } from './params.ts'
import { type Refusal, refusalOf } from './refuse-malformed.ts'

export type ParseResult =
  | { ok: true; message: SipMessage }
  /** With what there is to answer, if it is a request. */
  | { ok: false; error: string; refusal?: Refusal | undefined }

/** Limits that no honest peer meets; beyond them a packet is malformed. */
export const MAX_HEADER_BYTES = 16_384
export const MAX_BODY_BYTES = 65_536
const MAX_HEADERS = 128

// RFC 3261 §7.3.3 and the registrations since
const COMPACT = new Map<string, string>(
  Object.entries({
    a: 'accept-contact',
    b: 'referred-by',
    c: 'content-type',
    d: 'request-disposition',
    e: 'content-encoding',
    f: 'from',
    i: 'call-id',
    j: 'reject-contact',
    k: 'supported',
    l: 'content-length',
    m: 'contact',
    o: 'event',
    r: 'refer-to',
    s: 'subject',
    t: 'to',
    u: 'allow-events',
    v: 'via',
    x: 'session-expires',
  }),
)

const fail = (error: string): ParseResult => ({ ok: false, error })

/** Index after the blank line that ends the head, or -1. */
export function endOfHead(data: Buffer): number {
  const at = data.indexOf('\r\n\r\n')
  return at < 0 ? -1 : at + 4
}

/** Reads the header lines (§7.3.1), unfolding continuation lines; a string is the error. */
export function parseHeaders(lines: string[]): Headers | string {
  const headers: Headers = []
  for (const line of lines) {
    if (line.startsWith(' ') || line.startsWith('\t')) {
      const last = headers.at(-1)
      if (!last) return 'folded line before any header'
      last[1] = `${last[1]} ${line.trim()}`.trim()
      continue
    }
    const colon = line.indexOf(':')
    if (colon < 1) return 'header without a colon'
    const name = line.slice(0, colon).trimEnd().toLowerCase()
    if (!isToken(name)) return 'header name is no token'
    if (headers.length >= MAX_HEADERS) return 'too many headers'
    headers.push([COMPACT.get(name) ?? name, line.slice(colon + 1).trim()])
  }
  return headers
}

/** The declared body length: `undefined` when absent, `null` when it is no number. */
export function contentLength(headers: Headers): number | null | undefined {
  const values = new Set(headers.filter(([name]) => name === 'content-length').map(([, value]) => value))
  if (values.size === 0) return undefined
  const [value = ''] = values
  return values.size === 1 && /^\d{1,9}$/.test(value) ? Number(value) : null
}

/** Parses one whole message (RFC 3261 §7). Whatever the bytes are, it returns. */
export function parseMessage(data: Buffer): ParseResult {
  const headEnd = endOfHead(data)
  if (headEnd < 0) return fail('no blank line after the headers')
  if (headEnd > MAX_HEADER_BYTES) return fail('headers too large')
  const head = data.toString('utf8', 0, headEnd - 4)
  if (head.includes('\0')) return fail('NUL in the headers')
  const lines = head.split('\r\n')
  const start = lines.shift() ?? ''
  const headers = parseHeaders(lines)
  if (typeof headers === 'string') return fail(headers)
  const refuse = (error: string): ParseResult => ({ ok: false, error, refusal: refusalOf(start, headers, error) })

  const length = contentLength(headers)
  const available = data.length - headEnd
  if (length === null) return refuse('Content-Length is no number')
  // §18.3: octets beyond Content-Length in a datagram are discarded; too few are an error.
  if (length !== undefined && length > available) return refuse('body shorter than Content-Length')
  const size = length ?? available
  if (size > MAX_BODY_BYTES) return refuse('body too large')
  const common = parseCommon(headers, data.subarray(headEnd, headEnd + size))
  if (!common) return refuse('Via, From, To, Call-ID or CSeq missing or malformed')

  const response = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/is.exec(start)
  if (response) {
    return {
      ok: true,
      message: { kind: 'response', status: Number(response[1]), reason: response[2] ?? '', ...common },
    }
  }
  const request = /^([^ ]+) ([^ ]+) SIP\/2\.0$/i.exec(start)
  if (!request) return refuse('neither a request line nor a status line')
  const [, method = '', uri = ''] = request
  if (!isToken(method) || !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri)) return refuse('request line is malformed')
  if (method !== common.cseq.method) return refuse('CSeq names another method') // §8.1.1.5
  return { ok: true, message: { kind: 'request', method, uri, ...common } }
}
