import { Id, resourceFields } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { Agent, AgentSession, type agentContract } from '@sidetone/proto-schemas/agent'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'

/** A row as it is stored: `login` is the username while the agent lives, so that the living are unique. */
const AgentRow = Agent.extend({ login: z.string().nullable() })

/** What a mailed link is good for, once. */
const PasswordToken = z.object({ ...resourceFields, agent_id: Id, token_hash: z.string(), tm_expire: z.string() })

export const agents = resourceTable(AgentRow, 'agent_agent')
export const sessions = resourceTable(AgentSession, 'agent_session')
export const passwordTokens = resourceTable(PasswordToken, 'agent_password_token')

export type Core = Resources<typeof agentContract>
