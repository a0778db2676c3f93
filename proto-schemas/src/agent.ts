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
} from '@sidetone/contract'
import { z } from 'zod'
import { Address, Email } from './common.ts'

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

const Fields = z.object({ name: Name, detail: Detail, ring_method: RingMethod.default('ringall') })
const errors = ['AGENT_NOT_FOUND'] as const

export const agentContract = defineContract({
  name: 'agent',
  errors: {
    AGENT_NOT_FOUND: { status: 'NOT_FOUND', message: 'The agent was not found.' },
    AGENT_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'An agent with this username exists already.' },
    PERMISSION_NOT_HELD: {
      status: 'PERMISSION_DENIED',
      message: 'permission: nobody may grant more than they hold, or take it from others.',
    },
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
          errors: ['AGENT_ALREADY_EXISTS', 'PERMISSION_NOT_HELD'],
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
          summary: 'Set the password',
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
          summary: 'Check a username and password',
          idempotent: true,
          input: z.object({ username: z.string().max(255), password: z.string().max(256) }),
          output: Agent,
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
      },
    },
  },
})
