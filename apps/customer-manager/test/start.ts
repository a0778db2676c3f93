import { internalIdentity, permissionBits } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { customerContract } from '@sidetone/proto-schemas/customer'
import type { TestDatabase } from '@sidetone/store/testing'
import {
  adminOf,
  type Mailbox,
  scripted,
  someId,
  startMailbox,
  startTestPlatform,
  type TestPlatform,
} from '@sidetone/testing'
import { customerManager } from '../src/manager.ts'

export interface Running {
  app: TestPlatform
  mailbox: Mailbox
  operator: ReturnType<typeof customersAs>
  of: (customer_id: string) => ReturnType<typeof customersAs>
  close: () => Promise<void>
}

const customersAs = (app: TestPlatform, identity: Parameters<TestPlatform['as']>[1]) =>
  app.as(customerContract, identity)

/** The id of a customer's billing account. */
export const accountOf = (customer_id: string): string => customer_id.replace(/^.{8}/, 'acc00000')

export const account = (id: string, customer_id: string) => ({
  id,
  customer_id,
  tm_create: '2026-01-01T00:00:00.000000Z',
  tm_update: null,
  tm_delete: null,
  status: 'active' as const,
  name: '',
  detail: '',
  plan_type: 'free' as const,
  plan_status: 'active' as const,
  balance_credit: 0,
  balance_token: 0,
  payment_type: '' as const,
  payment_method: '' as const,
  paddle_subscription_id: '',
  paddle_customer_id: '',
  stripe_subscription_id: '',
  stripe_customer_id: '',
  tm_last_topup: null,
  tm_next_topup: null,
})

/** Its agents have this password. */
export const password = 'long enough'
/** The one agent of the platform that is no customer's first admin. */
export const agentsAddress = 'agent@example.com'

/** The customer manager with a mail server, on that database. Of the agents there is just what it asks. */
export async function start(database: TestDatabase): Promise<Running> {
  const mailbox = await startMailbox()
  const agents = scripted(agentContract, {
    agent: {
      by_username: async ({ username }) => ({ agent: username.toLowerCase() === agentsAddress ? agent : null }),
      check_password: async (input) => ({ right: input.password === password }),
    },
  })
  const billing = scripted(billingContract, {
    billing_account: {
      async get({ id }, { customer_id, fail }) {
        if (id !== accountOf(customer_id)) throw fail('BILLING_ACCOUNT_NOT_FOUND')
        return { ...account(id, customer_id), status: 'active' as const }
      },
      plan_limit: async ({ resource }) => ({ limit: resource === 'accesskey' ? 8 : 0 }),
    },
  })
  const app = await startTestPlatform({
    managers: [customerManager, agents, billing],
    env: { SMTP_URL: mailbox.url, TERMS_VERSION: '2026-11' },
    database,
  })
  return {
    app,
    mailbox,
    operator: customersAs(app, { ...adminOf(someId(1)), permission: permissionBits.project_super_admin }),
    of: (customer_id) => customersAs(app, adminOf(customer_id)),
    async close() {
      await app.close()
      await mailbox.close()
    },
  }
}

export const anybody = (app: TestPlatform) => customersAs(app, internalIdentity())
export const newEmail = (): string => `${crypto.randomUUID()}@example.com`
/** What the events of a customer were, in order. */
export const eventsOf = async (app: TestPlatform, id: string): Promise<string[]> =>
  (await app.events()).filter(({ customer_id }) => customer_id === id).map(({ type }) => type)

const agent = {
  id: someId(2),
  customer_id: someId(3),
  tm_create: '2026-01-01T00:00:00.000000Z',
  tm_update: null,
  tm_delete: null,
  username: agentsAddress,
  password_hash: '',
  name: '',
  detail: '',
  ring_method: 'ringall' as const,
  status: 'offline' as const,
  permission: permissionBits.customer_agent,
  tag_ids: [],
  addresses: [],
  direct_hash: '',
}
