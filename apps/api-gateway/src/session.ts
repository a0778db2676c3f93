import { anonymousIdentity, type Client } from '@sidetone/contract'
import type { agentContract } from '@sidetone/proto-schemas/agent'
import type { gatewayContract } from '@sidetone/proto-schemas/gateway'
import type { Authenticator } from './authenticate.ts'

/** What the gateway answers itself, in the form of a client so that the routes need not know. */
export const gatewayClient = ({
  agents,
  authenticator,
}: {
  agents: Client<typeof agentContract>
  authenticator: Authenticator
}): Client<typeof gatewayContract> => ({
  session: {
    async login({ username, password }, options) {
      const agent = await agents.agent.login({ username, password }, { ...options, identity: anonymousIdentity })
      return { username: agent.username, token: await authenticator.issueToken(agent) }
    },
  },
})
