/** What a message is found by, and what may be kept of it. */
export interface SipText {
  callId: string
  /** Of a response the status code. */
  method: string
  /** Without credentials. */
  text: string
}

/** The requests that a call consists of. REGISTER, OPTIONS and the like come by the thousand and belong to no call. */
const ofCalls = new Set(['INVITE', 'ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE', 'INFO', 'REFER', 'NOTIFY'])

/** RFC 3261 section 7: the first line, then headers, of which some have a short name. */
const startLine = /^(?:SIP\/2\.0 (\d{3}) |([A-Z]{1,32}) \S+ SIP\/2\.0\r?\n)/
const callIdHeader = /^(?:call-id|i)[ \t]*:[ \t]*(\S{1,255})[ \t]*$/im
const cseqHeader = /^cseq[ \t]*:[ \t]*\d+[ \t]+([A-Z]+)/im

/** Reads a SIP message as far as is needed here; undefined for what is none, or belongs to no call. */
export function sipTextOf(payload: Buffer): SipText | undefined {
  const text = payload.toString('utf8')
  const start = startLine.exec(text)
  const callId = callIdHeader.exec(text)?.[1]
  const request = cseqHeader.exec(text)?.[1]?.toUpperCase()
  if (!start || !callId || !request || !ofCalls.has(request)) return undefined
  return { callId, method: start[1] ?? start[2]!, text: withoutSecrets(text) }
}

/** A header may go on in lines that begin with a blank (section 7.3.1). */
const credentials = /^((?:proxy-)?authorization)[ \t]*:[ \t]*([\w-]*)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim
/** Keys of SRTP (RFC 4568). */
const mediaKeys = /^a=crypto:[^\r\n]*/gim
/** Keys that are pressed may be a PIN (application/dtmf-relay, application/dtmf). */
const digits = /^(Signal[ \t]*=)[^\r\n]*/gim
const bareDigit = /^(content-type|c)[ \t]*:[ \t]*application\/dtmf[ \t]*$/im

function withoutSecrets(text: string): string {
  const masked = text
    .replaceAll(credentials, '$1: $2 [masked]')
    .replaceAll(mediaKeys, 'a=crypto:[masked]')
    .replaceAll(digits, '$1[masked]')
  const end = masked.indexOf('\r\n\r\n')
  return bareDigit.test(masked) && end >= 0 ? `${masked.slice(0, end + 4)}[masked]` : masked
}
