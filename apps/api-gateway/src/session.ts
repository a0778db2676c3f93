import { ApiError, anonymousIdentity, type Client, errorOf, internalIdentity } from '@sidetone/contract'
import { gatewayContract } from '@sidetone/proto-schemas/gateway'
import type { Doormen } from './authenticate.ts'
import type { Tokens } from './tokens.ts'

const fail = (reason: keyof typeof gatewayContract.errors): ApiError => errorOf(gatewayContract.errors, reason)

/** What a token that anybody can have is good for, by what its hash leads to. */
const bootable: readonly string[] = ['ai', 'ai_team', 'webchat_widget']
const bootLifetimeMs = 4 * 3_600_000

/** What the gateway answers itself, in the form of a client so that the routes need not know. */
export function gatewayClient({
  tokens,
  agents,
  customers,
  directs,
}: Doormen & { tokens: Tokens }): Client<typeof gatewayContract> {
  return {
    session: {
      signup: ({ accepted_tos: _, ...fields }, options) =>
        customers.customer.signup(
          { ...fields, terms_agreed_ip: options.address ?? '' },
          { ...options, identity: anonymousIdentity },
        ),

      async login(input, options) {
        const { agent, session } = await agents.agent.login(input, { ...options, identity: anonymousIdentity })
        return {
          username: agent.username,
          token: await tokens.sign({ type: 'agent', jti: session.id }, session.tm_expire),
        }
      },

      async logout(_, options) {
        const { type, credential_id } = options.identity
        if (type === 'accesskey') throw fail('NO_SESSION')
        // One that is over is as good as closed.
        await agents.agent_session.close({ id: credential_id }, options).catch(whenNotFound(() => ({})))
        return {}
      },

      async boot({ direct_hash }, options) {
        const asPlatform = { ...options, identity: internalIdentity() }
        const unknown = whenNotFound((): never => {
          throw fail('DIRECT_HASH_UNKNOWN')
        })
        const direct = await directs.direct.get_by_hash({ hash: direct_hash }, asPlatform).catch(unknown)
        const { customer_id, resource_type, resource_id } = direct
        const customer = await customers.customer.get({ id: customer_id }, asPlatform).catch(unknown)
        if (customer.status !== 'active' || !bootable.includes(resource_type)) throw fail('DIRECT_HASH_UNKNOWN')
        const expire = new Date(Date.now() + bootLifetimeMs).toISOString()
        const token = await tokens.sign({ type: 'direct', direct_hash }, expire)
        return { token, type: 'direct', resource_type, resource_id, customer_id, expire }
      },

      async delegate(input, options) {
        const session = await agents.agent_session.delegate(input, options)
        return {
          token: await tokens.sign({ type: 'delegate', jti: session.id }, session.tm_expire),
          customer_id: session.customer_id,
          expire: session.tm_expire,
        }
      },
    },
  }
}

const whenNotFound =
  <T>(otherwise: () => T) =>
  (error: unknown): T => {
    if (error instanceof ApiError && error.status === 'NOT_FOUND') return otherwise()
    throw error
  }
