import { createHash } from 'node:crypto'
import {
  ApiError,
  anonymousIdentity,
  type Client,
  commonError,
  type Identity,
  internalIdentity,
  nilId,
  permissionBits,
} from '@sidetone/contract'
import type { agentContract } from '@sidetone/proto-schemas/agent'
import type { customerContract } from '@sidetone/proto-schemas/customer'
import { jwtVerify, SignJWT } from 'jose'

const tokenLifetime = '12h'
/** How long a checked credential is believed: a revoked one works at most this much longer. */
const trustMs = 5_000
const maxRemembered = 10_000
/** Ours are far shorter; remembering long ones would let strangers fill the memory. */
const longestCredential = 2_048

/** What a request carries to say who it is from. */
export interface Credentials {
  token?: string | undefined
  accesskey?: string | undefined
}

export interface Authenticator {
  identify: (credentials: Credentials) => Promise<Identity>
  issueToken: (agent: { id: string; customer_id: string; username: string }) => Promise<string>
}

interface AuthenticatorOptions {
  jwtKey: Uint8Array
  agents: Client<typeof agentContract>
  customers: Client<typeof customerContract>
}

/** Finds out who a request is from. Tokens and keys are looked up, so that what was revoked stops working within seconds. */
export function createAuthenticator({ jwtKey, agents, customers }: AuthenticatorOptions): Authenticator {
  const remembered = new Map<string, { identity: Promise<Identity>; until: number }>()

  function remember(credential: string, load: () => Promise<Identity>): Promise<Identity> {
    const known = remembered.get(credential)
    if (known && known.until > Date.now()) return known.identity
    const identity = load()
    if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value!)
    remembered.delete(credential)
    remembered.set(credential, { identity, until: Date.now() + trustMs })
    identity.catch((error) => {
      // "Wrong" is worth remembering, "could not ask" is not.
      const wrong = error instanceof ApiError && error.status === 'UNAUTHENTICATED'
      if (!wrong && remembered.get(credential)?.identity === identity) remembered.delete(credential)
    })
    return identity
  }

  async function fromToken(token: string): Promise<Identity> {
    const { payload } = await jwtVerify(token, jwtKey, { algorithms: ['HS256'], audience: 'sidetone' }).catch(
      (cause) => {
        throw commonError('INVALID_CREDENTIALS', { cause })
      },
    )
    const { sub = '', jti = nilId, customer_id } = payload
    const identity = internalIdentity(String(customer_id))
    const agent = await agents.agent.get({ id: sub }, { identity }).catch(invalidWhenNotFound)
    return {
      type: 'agent',
      customer_id: agent.customer_id,
      agent_id: agent.id,
      credential_id: jti,
      permission: agent.permission,
    }
  }

  async function fromAccesskey(key: string): Promise<Identity> {
    const token_hash = createHash('sha256').update(key).digest('hex')
    const accesskey = await customers.accesskey
      .verify({ token_hash }, { identity: internalIdentity() })
      .catch(invalidWhenNotFound)
    return {
      type: 'accesskey',
      customer_id: accesskey.customer_id,
      agent_id: nilId,
      credential_id: accesskey.id,
      permission: permissionBits.customer_admin,
    }
  }

  return {
    identify({ token, accesskey }) {
      if ((token ?? accesskey ?? '').length > longestCredential)
        return Promise.reject(commonError('INVALID_CREDENTIALS'))
      if (token) return remember(token, () => (isAccesskey(token) ? fromAccesskey(token) : fromToken(token)))
      if (accesskey) return remember(accesskey, () => fromAccesskey(accesskey))
      return Promise.resolve(anonymousIdentity)
    },
    issueToken: ({ id, customer_id, username }) =>
      new SignJWT({ customer_id, username, type: 'agent' })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(id)
        .setAudience('sidetone')
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime(tokenLifetime)
        .sign(jwtKey),
  }
}

const isAccesskey = (token: string): boolean => !token.includes('.')

function invalidWhenNotFound(error: unknown): never {
  if (error instanceof ApiError && error.status === 'NOT_FOUND') throw commonError('INVALID_CREDENTIALS')
  throw error
}
