import { createHash, randomBytes } from 'node:crypto'
import type { SipResponse } from './sip-message.ts'

export type Credentials = { username: string; password: string }

const algorithms: Record<string, string> = { MD5: 'md5', 'SHA-256': 'sha256' }

const field = (challenge: string, name: string) => {
  const found = new RegExp(`(?:^|[\\s,])${name}\\s*=\\s*(?:"([^"]*)"|([^\\s,]+))`, 'i').exec(challenge)
  return found?.[1] ?? found?.[2]
}

/** The value of (Proxy-)Authorization that answers a Digest challenge (RFC 7616, in SIP by RFC 8760). */
export function answerChallenge(
  challenge: string,
  request: { method: string; uri: string },
  who: Credentials,
  cnonce = randomBytes(8).toString('hex'),
): string {
  const algorithm = field(challenge, 'algorithm')?.toUpperCase() ?? 'MD5'
  const hashName = algorithms[algorithm]
  const [realm, nonce] = [field(challenge, 'realm'), field(challenge, 'nonce')]
  if (!hashName || realm === undefined || nonce === undefined)
    throw new Error(`cannot answer the challenge: ${challenge}`)
  const hash = (text: string) => createHash(hashName).update(text).digest('hex')
  const ha1 = hash(`${who.username}:${realm}:${who.password}`)
  const ha2 = hash(`${request.method}:${request.uri}`)
  const withQop = field(challenge, 'qop')
    ?.split(',')
    .some((qop) => qop.trim() === 'auth')
  const nc = '00000001' // a nonce is used once
  const response = hash(withQop ? `${ha1}:${nonce}:${nc}:${cnonce}:auth:${ha2}` : `${ha1}:${nonce}:${ha2}`)
  const opaque = field(challenge, 'opaque')
  return [
    `Digest username="${who.username}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${request.uri}"`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(withQop ? [`qop=auth`, `nc=${nc}`, `cnonce="${cnonce}"`] : []),
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
  ].join(', ')
}

/** The first challenge of a 401 or 407 that we can answer (RFC 8760: the topmost supported), and the header that answers it. */
export function answerableChallenge(response: SipResponse): { value: string; answerName: string } | undefined {
  const [name, answerName] =
    response.status === 401
      ? ['www-authenticate', 'Authorization']
      : response.status === 407
        ? ['proxy-authenticate', 'Proxy-Authorization']
        : []
  if (!name || !answerName) return undefined
  const found = response.headers.find(
    ([n, value]) => n.toLowerCase() === name && (field(value, 'algorithm')?.toUpperCase() ?? 'MD5') in algorithms,
  )
  return found && { value: found[1], answerName }
}
