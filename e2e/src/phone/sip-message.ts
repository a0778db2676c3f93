// SIP messages as the phone reads and writes them (RFC 3261 section 7). Written apart from the product's own parser on
// purpose: a phone that shared it would agree with its mistakes.

export type Header = [name: string, value: string]
export type SipRequest = { kind: 'request'; method: string; uri: string; headers: Header[]; body: string }
export type SipResponse = { kind: 'response'; status: number; reason: string; headers: Header[]; body: string }
export type SipMessage = SipRequest | SipResponse
export type Address = { host: string; port: number }

const compactNames: Record<string, string> = {
  v: 'via',
  f: 'from',
  t: 'to',
  m: 'contact',
  i: 'call-id',
  l: 'content-length',
  c: 'content-type',
  e: 'content-encoding',
  s: 'subject',
  k: 'supported',
}
const canonical = (name: string) => compactNames[name.toLowerCase()] ?? name.toLowerCase()

/** Reads one datagram; undefined when it is not SIP (a keep-alive, or rubbish). */
export function parseSip(datagram: Buffer): SipMessage | undefined {
  const text = datagram.toString('utf8')
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [first = '', ...lines] = text
    .slice(0, headEnd)
    .replaceAll(/\r\n[ \t]+/g, ' ') // a folded header is one line (7.3.1)
    .split('\r\n')
  const headers: Header[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 1) return undefined
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()])
  }
  const body = text.slice(headEnd + 4)
  const status = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(first)
  if (status) return { kind: 'response', status: Number(status[1]), reason: status[2] ?? '', headers, body }
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(first)
  if (request) return { kind: 'request', method: request[1]!, uri: request[2]!, headers, body }
  return undefined
}

/** The bytes of a message; Content-Length is added here. */
export function formatSip(message: SipMessage): Buffer {
  const first =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`
  const lines = message.headers.map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(
    [first, ...lines, `Content-Length: ${Buffer.byteLength(message.body)}`, '', message.body].join('\r\n'),
  )
}

/** The first value of a header; compact names count. */
export function header(message: SipMessage, name: string): string | undefined {
  return message.headers.find(([n]) => canonical(n) === name.toLowerCase())?.[1]
}

/** The first value of a header that the message must have. */
export function needed(message: SipMessage, name: string): string {
  const value = header(message, name)
  if (value === undefined) throw new Error(`the SIP message has no ${name} header`)
  return value
}

/** Every value of a header that may be a comma-separated list (Via, Route, Contact). */
export function headerList(message: SipMessage, name: string): string[] {
  return message.headers
    .filter(([n]) => canonical(n) === name.toLowerCase())
    .flatMap(([, value]) => value.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/g) ?? [])
    .map((value) => value.trim())
}

/** A parameter after the first semicolon: `tag` of a From, `branch` of a Via; '' when it has no value. */
export function param(value: string, name: string): string | undefined {
  const outside = value.replace(/^[^<]*<[^>]*>/, '')
  const found = new RegExp(`;\\s*${name}\\s*(?:=\\s*"?([^;,"\\s]*))?(?=[;,"\\s]|$)`, 'i').exec(outside)
  return found ? (found[1] ?? '') : undefined
}

/** `<sip:…>` or a bare URI → the URI. */
export function uriOf(value: string): string {
  return /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0]!.trim()
}

/** Host and port of a SIP URI, port 5060 when it names none. */
export function addressOf(uri: string): Address {
  const found = /^sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?>]+)(?::(\d+))?/i.exec(uri)
  if (!found) throw new Error(`not a SIP URI: ${uri}`)
  return { host: found[1]!.replaceAll(/[[\]]/g, ''), port: Number(found[2] ?? 5060) }
}

const reasonPhrases: Record<number, string> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  420: 'Bad Extension',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  603: 'Decline',
}

/** The response skeleton of RFC 3261 section 8.2.6.2: Via, From, To, Call-ID and CSeq come from the request. */
export function responseTo(
  request: SipRequest,
  status: number,
  toTag: string,
  extra: Header[] = [],
  body = '',
): SipResponse {
  const copied = request.headers.filter(([n]) =>
    ['via', 'from', 'call-id', 'cseq', 'record-route'].includes(canonical(n)),
  )
  const to = needed(request, 'to')
  const tagged = status > 100 && param(to, 'tag') === undefined ? `${to};tag=${toTag}` : to
  return {
    kind: 'response',
    status,
    reason: reasonPhrases[status] ?? 'Unknown',
    headers: [...copied, ['To', tagged], ...extra],
    body,
  }
}
