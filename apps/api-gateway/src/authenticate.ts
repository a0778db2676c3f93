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
import { type Customer, type customerContract, deletionGraceMs } from '@sidetone/proto-schemas/customer'
import type { directContract } from '@sidetone/proto-schemas/direct'
import type { Tokens } from './tokens.ts'

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
  /** Throws ACCOUNT_FROZEN when the customer of this identity, which `identify` gave, is frozen. */
  checkActive: (identity: Identity) => void
}

/** The managers that know who may come in. */
export interface Doormen {
  agents: Client<typeof agentContract>
  customers: Client<typeof customerContract>
  directs: Client<typeof directContract>
}

/** Finds out who a request is from. Tokens and keys are looked up, so that what was revoked stops working within seconds. */
export function createAuthenticator({
  tokens,
  agents,
  customers,
  directs,
}: Doormen & { tokens: Tokens }): Authenticator {
  const remembered = new Map<string, { identity: Promise<Identity>; until: number }>()
  /** When the customers of identities were frozen, if they are. */
  const frozenSince = new WeakMap<Identity, string>()

  function remember(credential: string, load: () => Promise<Identity>): Promise<Identity> {
    const known = remembered.get(credential)
    if (known && known.until > Date.now()) return known.identity
    const identity = load().catch(invalidWhenNotFound)
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

  const customerOf = (id: string): Promise<Customer> =>
    customers.customer.get({ id }, { identity: internalIdentity(id) })

  /** Notes whether the customer is frozen, and that it is still there. */
  async function ofCustomer(identity: Identity): Promise<Identity> {
    const { status, tm_deletion_scheduled } = await customerOf(identity.customer_id)
    const isOperator = identity.permission & permissionBits.project_super_admin
    if (status === 'frozen' && !isOperator) frozenSince.set(identity, tm_deletion_scheduled ?? '')
    return identity
  }

  async function fromToken(token: string): Promise<Identity> {
    const claims = await tokens.read(token)
    return claims.type === 'direct' ? fromDirectHash(claims.direct_hash) : fromSession(claims.jti)
  }

  async function fromSession(id: string): Promise<Identity> {
    const { agent, session } = await agents.agent_session.verify({ id }, { identity: internalIdentity() })
    if (session.type === 'delegate') {
      return ofCustomer({
        type: 'delegate',
        customer_id: session.customer_id,
        agent_id: agent.id,
        credential_id: session.id,
        permission: permissionBits.customer_admin,
      })
    }
    return ofCustomer({
      type: 'agent',
      customer_id: agent.customer_id,
      agent_id: agent.id,
      credential_id: session.id,
      permission: agent.permission,
    })
  }

  async function fromDirectHash(hash: string): Promise<Identity> {
    const direct = await directs.direct.get_by_hash({ hash }, { identity: internalIdentity() })
    const { resource_type, resource_id } = direct
    return ofCustomer({
      type: 'direct',
      customer_id: direct.customer_id,
      agent_id: nilId,
      credential_id: direct.id,
      permission: permissionBits.none,
      direct: { resource_type, resource_id },
    })
  }

  async function fromAccesskey(key: string): Promise<Identity> {
    const token_hash = createHash('sha256').update(key).digest('hex')
    const accesskey = await customers.accesskey.verify({ token_hash }, { identity: internalIdentity() })
    return ofCustomer({
      type: 'accesskey',
      customer_id: accesskey.customer_id,
      agent_id: nilId,
      credential_id: accesskey.id,
      permission: permissionBits.customer_admin,
    })
  }

  return {
    identify({ token, accesskey }) {
      if ((token ?? accesskey ?? '').length > longestCredential)
        return Promise.reject(commonError('INVALID_CREDENTIALS'))
      if (token) return remember(token, () => (isAccesskey(token) ? fromAccesskey(token) : fromToken(token)))
      if (accesskey) return remember(accesskey, () => fromAccesskey(accesskey))
      return Promise.resolve(anonymousIdentity)
    },
    checkActive(identity) {
      const since = frozenSince.get(identity)
      if (since === undefined) return
      throw commonError('ACCOUNT_FROZEN', {
        details: [
          {
            deletion_scheduled_at: since,
            deletion_effective_at: new Date(Date.parse(since) + deletionGraceMs).toISOString(),
            recovery_endpoint: 'DELETE /auth/unregister',
          },
        ],
      })
    },
  }
}

const isAccesskey = (token: string): boolean => !token.includes('.')

function invalidWhenNotFound(error: unknown): never {
  if (error instanceof ApiError && error.status === 'NOT_FOUND') throw commonError('INVALID_CREDENTIALS')
  throw error
}
