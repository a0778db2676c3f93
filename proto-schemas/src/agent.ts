import {
  ById,
  Detail,
  defineContract,
  event,
  Id,
  internal,
  managers,
  Name,
  operation,
  Page,
  PageQuery,
  resourceFields,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'
import { Address, Email, MailedToken } from './common.ts'
import { planErrors } from './plan-limit.ts'

const RingMethod = z.enum(['ringall', 'linear'])
const Status = z.enum(['', 'available', 'away', 'busy', 'offline', 'ringing'])
const Permission = z.int().min(0).max(65_535)
const Password = z.string().min(8).max(256)

/** A person of a customer: logs in, and takes calls at its addresses. */
export const Agent = z
  .object({
    ...resourceFields,
    username: Email,
    password_hash: internal(z.string()),
    name: Name,
    detail: z.string(),
    ring_method: RingMethod,
    status: Status,
    permission: Permission,
    tag_ids: z.array(Id),
    addresses: z.array(Address),
    direct_hash: z.string(),
  })
  .meta({ id: 'Agent' })
export type Agent = z.infer<typeof Agent>

/** What a token stands for: it works as long as this is there. `customer_id` is whom it acts for. */
export const AgentSession = z
  .object({
    ...resourceFields,
    agent_id: Id,
    /** `delegate`: an operator of the platform acts as an admin of another customer, for the reason given. */
    type: z.enum(['agent', 'delegate']),
    reason: z.string(),
    tm_expire: Time,
  })
  .meta({ id: 'AgentSession' })
export type AgentSession = z.infer<typeof AgentSession>
/** Of the agent. */
const Login = z.object({ id: Id, customer_id: Id })
const OpenSession = z.object({ agent: Agent, session: AgentSession })

const Fields = z.object({ name: Name, detail: Detail, ring_method: RingMethod.default('ringall') })
const errors = ['AGENT_NOT_FOUND'] as const

export const agentContract = defineContract({
  name: 'agent',
  errors: {
    ...planErrors,
    AGENT_NOT_FOUND: { status: 'NOT_FOUND', message: 'The agent was not found.' },
    AGENT_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'An agent with this username exists already.' },
    PERMISSION_NOT_HELD: {
      status: 'PERMISSION_DENIED',
      message: 'permission: nobody may grant more than they hold, or take it from others.',
    },
    INVALID_TOKEN: {
      status: 'INVALID_ARGUMENT',
      message: 'token: is wrong, was used or has expired; ask for a new one.',
    },
    AGENT_SESSION_NOT_FOUND: { status: 'NOT_FOUND', message: 'The session is over.' },
    CUSTOMER_UNKNOWN: { status: 'NOT_FOUND', message: 'customer_id: there is no such customer.' },
    LAST_ADMIN: {
      status: 'FAILED_PRECONDITION',
      message: 'The last customer admin can be neither deleted nor demoted.',
    },
  },
  resources: {
    agent: {
      operations: {
        list: operation({
          http: 'GET /agents',
          summary: 'List agents',
          allow: managers,
          input: PageQuery.extend({ status: Status.optional(), tag_ids: z.string().optional() }),
          output: Page(Agent),
        }),
        create: operation({
          http: 'POST /agents',
          summary: 'Create an agent',
          allow: managers,
          input: Fields.extend({
            username: Email,
            password: Password,
            permission: Permission,
            tag_ids: z.array(Id).max(100).default([]),
            addresses: z.array(Address).max(100).default([]),
          }),
          output: Agent,
          errors: ['AGENT_ALREADY_EXISTS', 'PERMISSION_NOT_HELD', 'RESOURCE_LIMIT_EXCEEDED'],
        }),
        get: operation({
          http: 'GET /agents/{id}',
          summary: 'Get an agent',
          allow: managers,
          input: ById,
          output: Agent,
          errors,
        }),
        update: operation({
          http: 'PUT /agents/{id}',
          summary: 'Replace name, detail and ring method',
          allow: managers,
          input: ById.extend(Fields.shape),
          output: Agent,
          errors,
        }),
        delete: operation({
          http: 'DELETE /agents/{id}',
          summary: 'Delete an agent',
          allow: managers,
          input: ById,
          output: Agent,
          errors: ['AGENT_NOT_FOUND', 'PERMISSION_NOT_HELD', 'LAST_ADMIN'],
        }),
        update_addresses: operation({
          http: 'PUT /agents/{id}/addresses',
          summary: 'Replace the addresses',
          allow: managers,
          input: ById.extend({ addresses: z.array(Address).max(100) }),
          output: Agent,
          errors,
        }),
        update_tag_ids: operation({
          http: 'PUT /agents/{id}/tag_ids',
          summary: 'Replace the tags',
          allow: managers,
          input: ById.extend({ tag_ids: z.array(Id).max(100) }),
          output: Agent,
          errors,
        }),
        update_status: operation({
          http: 'PUT /agents/{id}/status',
          summary: 'Set the status',
          allow: managers,
          input: ById.extend({ status: Status }),
          output: Agent,
          errors,
        }),
        update_password: operation({
          http: 'PUT /agents/{id}/password',
          summary: 'Set the password; the agent is logged out everywhere',
          allow: managers,
          input: ById.extend({ password: Password }),
          output: Agent,
          errors: ['AGENT_NOT_FOUND', 'PERMISSION_NOT_HELD'],
        }),
        update_permission: operation({
          http: 'PUT /agents/{id}/permission',
          summary: 'Set the permission bits',
          allow: managers,
          input: ById.extend({ permission: Permission }),
          output: Agent,
          errors: ['AGENT_NOT_FOUND', 'PERMISSION_NOT_HELD', 'LAST_ADMIN'],
        }),
        direct_hash_regenerate: operation({
          http: 'POST /agents/{id}/direct-hash-regenerate',
          summary: 'Give the agent a new direct hash; the old one stops working',
          allow: managers,
          input: ById,
          output: Agent,
          errors,
        }),
        me: operation({
          http: 'GET /me',
          summary: 'Get the agent you are logged in as',
          allow: 'agent',
          input: z.object({}),
          output: Agent,
          errors,
        }),
        login: operation({
          http: 'POST /agents/login',
          summary: 'Check a username and password, and open a session',
          idempotent: true,
          input: z.object({ username: z.string().max(255), password: z.string().max(256) }),
          output: OpenSession,
        }),
        check_password: operation({
          http: 'POST /agents/{id}/check_password',
          summary: 'Check the password of an agent that is about to do something grave',
          idempotent: true,
          input: ById.extend({ password: z.string().max(256) }),
          output: z.object({ right: z.boolean() }),
        }),
        password_forgot: operation({
          http: 'POST /auth/password-forgot',
          summary: 'Have a link for a new password mailed, if there is such an agent',
          allow: 'public',
          idempotent: true,
          input: z.object({ username: Email }),
          output: z.object({}),
        }),
        password_reset: operation({
          http: 'POST /auth/password-reset',
          summary: 'Set a new password with the token from the mail; the agent is logged out everywhere',
          allow: 'public',
          input: z.object({ token: MailedToken, password: Password }),
          output: z.object({}),
          errors: ['INVALID_TOKEN'],
        }),
        by_username: operation({
          http: 'POST /agents/by_username',
          summary: 'Find the agent with a username, whosever it is',
          idempotent: true,
          input: z.object({ username: Email }),
          output: z.object({ agent: Agent.nullable() }),
        }),
        by_address: operation({
          http: 'POST /agents/by_address',
          summary: 'Find the agent that owns an address',
          idempotent: true,
          input: z.object({ address: Address }),
          output: z.object({ agent: Agent.nullable() }),
        }),
      },
      events: {
        created: event(Agent, 'An agent was created'),
        updated: event(Agent, 'An agent was changed'),
        deleted: event(Agent, 'An agent was deleted'),
        status_updated: event(Agent, 'The status of an agent was set'),
        logged_in: event(Login, 'An agent has logged in', { internal: true }),
        login_failed: event(Login, 'Somebody gave a wrong password for an agent', { internal: true }),
      },
    },
    agent_session: {
      operations: {
        delegate: operation({
          http: 'POST /agent_sessions/delegate',
          summary: 'Open a session in which an operator acts for a customer',
          input: z.object({ customer_id: Id, reason: z.string() }),
          output: AgentSession,
          errors: ['CUSTOMER_UNKNOWN'],
        }),
        verify: operation({
          http: 'GET /agent_sessions/{id}',
          summary: 'Find a session that is not over, with its agent as it is now',
          input: ById,
          output: OpenSession,
          errors: ['AGENT_SESSION_NOT_FOUND'],
        }),
        close: operation({
          http: 'DELETE /agent_sessions/{id}',
          summary: 'End a session',
          input: ById,
          output: z.object({}),
          errors: ['AGENT_SESSION_NOT_FOUND'],
        }),
      },
      events: {
        delegated: event(AgentSession, 'An operator began to act for a customer', { internal: true }),
      },
    },
  },
})
