import type { Flow } from './flow.ts'
import type { Headers } from './message.ts'
import { splitOutsideQuotes } from './params.ts'
import { serializeMessage } from './serialize-message.ts'
import { formatVia, parseVia } from './via.ts'

/** What is left of a request that cannot be understood: enough to say so. */
export interface Refusal {
  status: 400 | 505
  reason: string
  headers: Headers
}

const COPIED = ['via', 'from', 'to', 'call-id', 'cseq']

/** The refusal of a malformed request (RFC 3261 §21.4.1, §21.5.6); `undefined` for a response, an ACK, and what has no way back. */
export function refusalOf(start: string, headers: Headers, reason: string): Refusal | undefined {
  if (/^(?:SIP\/|ACK )/i.test(start) || !/ SIP\/\d/i.test(start)) return undefined
  const seen = new Set<string>()
  // Of what may stand there once the first counts, whatever the second says.
  const copied = headers.filter(([name, value]) => {
    if (!COPIED.includes(name) || value === '' || (seen.has(name) && name !== 'via')) return false
    seen.add(name)
    return true
  })
  if (seen.size < COPIED.length) return undefined
  const known = / SIP\/2\.0\s*$/i.test(start)
  return known
    ? { status: 400, reason, headers: copied }
    : { status: 505, reason: 'Version Not Supported', headers: copied }
}

/** As the message that goes back over the flow; there is no transaction to keep. */
export function formatRefusal({ status, reason, headers }: Refusal, flow: Flow): Buffer {
  let top = true
  const answered = headers.map(([name, value]): Headers[number] => {
    if (name === 'to') return [name, /;\s*tag\s*=/i.test(value) ? value : `${value};tag=malformed`]
    if (name !== 'via' || !top) return [name, value]
    top = false
    const via = parseVia(splitOutsideQuotes(value, ',')?.[0] ?? '')
    if (!via) return [name, value]
    via.params.set('received', flow.remoteAddress)
    if (via.params.has('rport')) via.params.set('rport', String(flow.remotePort))
    return [name, formatVia(via)]
  })
  return serializeMessage({ kind: 'response', status, reason, headers: answered, body: Buffer.alloc(0) })
}
