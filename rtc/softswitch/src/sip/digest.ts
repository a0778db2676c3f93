import { createHash, timingSafeEqual } from 'node:crypto'
import { type Params, parseParams, quote } from './params.ts'

export type DigestAlgorithm = 'MD5' | 'SHA-256'

/** Hashes of `user:realm:password`; `null` where none is stored for the algorithm. */
export interface Ha1 {
  ha1_md5: string | null
  ha1_sha256: string | null
}

export interface Credentials {
  username: string
  realm: string
  nonce: string
  uri: string
  response: string
  algorithm: DigestAlgorithm
  cnonce: string
  nc: string
  qop: 'auth' | undefined
}

const hash = (algorithm: DigestAlgorithm, text: string): string =>
  createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
    .update(text)
    .digest('hex')

export const ha1 = (algorithm: DigestAlgorithm, username: string, realm: string, password: string): string =>
  hash(algorithm, `${username}:${realm}:${password}`)

/** Reads an Authorization or Proxy-Authorization value; `null` when it is no Digest we could check. */
export function parseCredentials(value: string): Credentials | null {
  const match = /^Digest\s+(.*)$/is.exec(value)
  const params: Params | null = match ? parseParams(match[1]!, ',') : null
  if (!params) return null
  const get = (name: string) => params.get(name) ?? ''
  const algorithm = (params.get('algorithm') ?? 'MD5').toUpperCase()
  const qop = params.get('qop')
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return null
  if (qop !== undefined && qop !== 'auth') return null
  if (get('username') === '' || get('nonce') === '' || get('uri') === '' || get('response') === '') return null
  if (qop === 'auth' && (get('cnonce') === '' || !/^[0-9a-f]{8}$/i.test(get('nc')))) return null
  return {
    username: get('username'),
    realm: get('realm'),
    nonce: get('nonce'),
    uri: get('uri'),
    response: get('response').toLowerCase(),
    algorithm,
    cnonce: get('cnonce'),
    nc: get('nc'),
    qop,
  }
}

/** RFC 7616 §3.4.1; without qop the form of RFC 2069. */
export function digestResponse(secret: string, method: string, credentials: Credentials): string {
  const { algorithm, nonce, nc, cnonce, qop, uri } = credentials
  const ha2 = hash(algorithm, `${method}:${uri}`)
  return hash(algorithm, qop ? `${secret}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}` : `${secret}:${nonce}:${ha2}`)
}

export function checkDigest(secret: string, method: string, credentials: Credentials): boolean {
  const expected = Buffer.from(digestResponse(secret, method, credentials))
  const given = Buffer.from(credentials.response)
  return expected.length === given.length && timingSafeEqual(expected, given)
}

/** A WWW-Authenticate or Proxy-Authenticate value. */
export function formatChallenge(options: {
  realm: string
  nonce: string
  algorithm: DigestAlgorithm
  stale: boolean
}): string {
  const { realm, nonce, algorithm, stale } = options
  const tail = stale ? ', stale=true' : ''
  return `Digest realm=${quote(realm)}, nonce="${nonce}", algorithm=${algorithm}, qop="auth"${tail}`
}
