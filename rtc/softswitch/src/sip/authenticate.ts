import {
  type Credentials,
  checkDigest,
  type DigestAlgorithm,
  formatChallenge,
  type Ha1,
  parseCredentials,
} from './digest.ts'
import type { Headers, SipRequest } from './message.ts'
import type { NonceIssuer } from './nonce.ts'
import type { FailureThrottle } from './throttle.ts'

/** An extension or a trunk as the platform knows it. */
export interface Account extends Ha1 {
  username: string
  customer_id: string
}

/** Whom a request names. */
export interface Who {
  user: string
  domain: string
  /** The trunk whose domain that is, and where the request comes from: by that it is known when there is no user. */
  trunk?: { name: string; source: string } | undefined
}

/** Asks the platform for an account; rejects when no answer comes. */
export type Lookup = (who: Who) => Promise<Account | null>

/** `401` asks as the place a request ends (REGISTER), `407` as the proxy that a call passes. */
export type ChallengeStatus = 401 | 407

export type AuthResult =
  | { ok: true; account: Account }
  | { ok: false; status: ChallengeStatus | 403 | 503; headers: Headers }

/** Stands in for the secret of a user who does not exist, so that both take the same way. */
const NOBODY = '0'.repeat(64)

/** The credentials for our realm, if the request carries any. */
export function credentialsOf(request: SipRequest, realm: string): Credentials | null {
  for (const [name, value] of request.headers) {
    if (name !== 'authorization' && name !== 'proxy-authorization') continue
    const credentials = parseCredentials(value)
    if (credentials?.realm === realm) return credentials
  }
  return null
}

export function createAuthenticator(options: {
  realm: string
  /** What is asked for, the strongest first (RFC 8760 §2.4): a phone takes the first that it knows. */
  algorithms: readonly DigestAlgorithm[]
  lookup: Lookup
  nonces: NonceIssuer
  throttle: FailureThrottle
  onProven(source: string): void
  count(name: 'sip_auth_failed' | 'sip_auth_throttled'): void
}) {
  const { realm, algorithms, lookup, nonces, throttle, onProven, count } = options

  const challenge = (status: ChallengeStatus, stale = false): AuthResult => {
    const nonce = nonces.issue()
    const name = status === 401 ? 'www-authenticate' : 'proxy-authenticate'
    const headers = algorithms.map((algorithm): Headers[number] => [
      name,
      formatChallenge({ realm, nonce, algorithm, stale }),
    ])
    return { ok: false, status, headers }
  }

  /** Decides on one request of a user at a domain, or of a trunk. An unknown user and a wrong password look the same (RFC 3261 §22.1). */
  return async function authenticate(
    request: SipRequest,
    who: Who & { source: string; status: ChallengeStatus },
  ): Promise<AuthResult> {
    const credentials = credentialsOf(request, realm)
    const key = `${who.source} ${credentials?.username ?? who.user}`
    const blocked = throttle.blockedSeconds(key)
    if (blocked > 0) {
      count('sip_auth_throttled')
      return { ok: false, status: 403, headers: [['retry-after', String(blocked)]] }
    }
    if (!credentials) return challenge(who.status)

    let account: Account | null
    try {
      account = await lookup({ user: credentials.username, domain: who.domain, trunk: who.trunk })
    } catch {
      return { ok: false, status: 503, headers: [['retry-after', '5']] }
    }
    const secret = credentials.algorithm === 'MD5' ? account?.ha1_md5 : account?.ha1_sha256
    if (!checkDigest(secret ?? NOBODY, request.method, credentials) || !account || !secret) {
      throttle.failed(key)
      count('sip_auth_failed')
      return challenge(who.status)
    }
    const verdict = nonces.check(credentials.nonce, credentials.qop ? credentials.nc : undefined)
    if (verdict !== 'fresh') return challenge(who.status, verdict === 'stale')
    throttle.succeeded(key)
    onProven(who.source)
    return { ok: true, account }
  }
}

export type Authenticate = ReturnType<typeof createAuthenticator>
