import { randomBytes } from 'node:crypto'
import type { ClientHandlers } from './client-transaction.ts'
import { type DigestAlgorithm, digestResponse, ha1 } from './digest.ts'
import type { Headers, SipResponse } from './message.ts'
import { type Params, parseParams, quote } from './params.ts'
import type { OutgoingRequest } from './transaction-layer.ts'

/** What we are known by at a peer that asks. */
export interface Login {
  username: string
  password: string
}

/** Challenge and answer of a user agent and of a proxy (RFC 3261 §22.2, §22.3). */
const HEADERS = new Map([
  [401, { challenge: 'www-authenticate', answer: 'authorization' }],
  [407, { challenge: 'proxy-authenticate', answer: 'proxy-authorization' }],
])

/**
 * Sends a request and, when it is challenged, once more with credentials; a third time when they were right but the nonce
 * had expired. `build` makes the request anew with these headers and the next CSeq (§22.2).
 */
export function requestWithLogin(options: {
  login: Login | undefined
  build(credentials: Headers): OutgoingRequest
  send(request: OutgoingRequest, handlers: ClientHandlers): void
  /** False when nobody wants the request any more. */
  wanted(): boolean
  handlers: ClientHandlers
}): void {
  const { login, build, send, wanted, handlers } = options

  function attempt(credentials: Headers, tries: number) {
    const request = build(credentials)
    send(request, {
      ...handlers,
      onResponse(response) {
        const answer = login && wanted() ? answerChallenge(response, request, login) : null
        if (!answer || tries > 1 || (tries === 1 && !answer.stale)) return handlers.onResponse(response)
        attempt([answer.header], tries + 1)
      },
    })
  }
  attempt([], 0)
}

/** The answer to a 401 or 407; `null` when it asks for nothing that we can give. */
function answerChallenge(
  response: SipResponse,
  { method, uri }: OutgoingRequest,
  login: Login,
): { header: Headers[number]; stale: boolean } | null {
  const names = HEADERS.get(response.status)
  if (!names) return null
  for (const [name, value] of response.headers) {
    const asked = name === names.challenge ? parseChallenge(value) : null
    // RFC 8760 §2.4: the first that we support.
    if (!asked) continue
    return { header: [names.answer, formatCredentials(asked, { method, uri, login })], stale: asked.stale }
  }
  return null
}

interface Challenge {
  realm: string
  nonce: string
  opaque: string | undefined
  algorithm: DigestAlgorithm
  namesAlgorithm: boolean
  qop: 'auth' | undefined
  stale: boolean
}

function parseChallenge(value: string): Challenge | null {
  const match = /^Digest\s+(.*)$/is.exec(value)
  const params: Params | null = match ? parseParams(match[1]!, ',') : null
  const [realm, nonce] = [params?.get('realm'), params?.get('nonce')]
  if (!params || realm === undefined || nonce === undefined) return null
  const algorithm = (params.get('algorithm') ?? 'MD5').toUpperCase()
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return null
  const offered = params
    .get('qop')
    ?.split(',')
    .map((one) => one.trim().toLowerCase())
  if (offered && !offered.includes('auth')) return null
  return {
    realm,
    nonce,
    opaque: params.get('opaque'),
    algorithm,
    namesAlgorithm: params.has('algorithm'),
    qop: offered && 'auth',
    stale: params.get('stale')?.toLowerCase() === 'true',
  }
}

/** RFC 7616 §3.4; without qop the form of RFC 2069. */
function formatCredentials(
  { realm, nonce, opaque, algorithm, namesAlgorithm, qop }: Challenge,
  { method, uri, login }: { method: string; uri: string; login: Login },
): string {
  const { username, password } = login
  const cnonce = randomBytes(12).toString('hex')
  const nc = '00000001'
  const secret = ha1(algorithm, username, realm, password)
  const response = digestResponse(secret, method, {
    username,
    realm,
    nonce,
    uri,
    response: '',
    algorithm,
    cnonce,
    nc,
    qop,
  })
  return `Digest ${[
    `username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response="${response}"`,
    ...(namesAlgorithm ? [`algorithm=${algorithm}`] : []),
    ...(qop ? [`qop=${qop}`, `nc=${nc}`, `cnonce="${cnonce}"`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
  ].join(', ')}`
}
