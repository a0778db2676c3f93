import type { Headers } from './message.ts'

const SPELLED = new Map<string, string>(
  Object.entries({
    'call-id': 'Call-ID',
    cseq: 'CSeq',
    'www-authenticate': 'WWW-Authenticate',
    'mime-version': 'MIME-Version',
  }),
)

const spelled = new Map<string, string>()

function spell(name: string): string {
  let text = spelled.get(name)
  if (text === undefined) {
    text =
      SPELLED.get(name) ??
      name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
    if (spelled.size < 500) spelled.set(name, text)
  }
  return text
}

/** Wire form. Content-Length is always written (RFC 3261 §20.14), whatever `headers` says. */
export function serializeMessage(
  message: ({ kind: 'request'; method: string; uri: string } | { kind: 'response'; status: number; reason: string }) & {
    headers: Headers
    body: Buffer
  },
): Buffer {
  let text =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`
  for (const [name, value] of message.headers) {
    // A line break inside a value would let whoever supplied it write headers of its own.
    if (name !== 'content-length') text += `${spell(name)}: ${value.replace(/[\r\n]+/g, ' ')}\r\n`
  }
  const head = Buffer.from(`${text}Content-Length: ${message.body.length}\r\n\r\n`)
  return message.body.length === 0 ? head : Buffer.concat([head, message.body])
}
