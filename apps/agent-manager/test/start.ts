import { type Identity, internalIdentity } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { directContract } from '@sidetone/proto-schemas/direct'
import { createEmitter, newId, now } from '@sidetone/store'
import type { TestDatabase } from '@sidetone/store/testing'
import { adminOf, type Mailbox, scripted, startMailbox, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { agentManager } from '../src/manager.ts'
import { agents } from '../src/tables.ts'

export interface Running {
  app: TestPlatform
  mailbox: Mailbox
  as: (identity: Identity) => ReturnType<typeof agentsAs>
  /** Announces something about a customer, as the customer manager does, and waits until it has had its effect. */
  announce: (event: 'created' | 'deleted', id: string, fields?: { email?: string; headless?: boolean }) => Promise<void>
  close: () => Promise<void>
}

const agentsAs = (app: TestPlatform, identity: Identity) => app.as(agentContract, identity)
const emit = createEmitter(customerContract)

/** The agent manager with a mail server, on that database. Of the other managers there is just what it asks. */
export async function start(database: TestDatabase): Promise<Running> {
  const mailbox = await startMailbox()
  const directs = scripted(directContract, {
    direct: {
      regenerate: async (resource, { customer_id }) => ({
        ...rowOf(newId()),
        ...resource,
        customer_id,
        hash: `direct.${crypto.randomUUID().replaceAll('-', '')}`,
      }),
    },
  })
  const customers = scripted(customerContract, {
    customer: {
      async get({ id }, { fail }) {
        if (id === unknownCustomer) throw fail('CUSTOMER_NOT_FOUND')
        return { ...customerOf(id), webhook_secret: '' }
      },
    },
  })
  const app = await startTestPlatform({
    managers: [agentManager, directs, customers],
    env: { SMTP_URL: mailbox.url },
    database,
  })
  return {
    app,
    mailbox,
    as: (identity) => agentsAs(app, identity),
    async announce(event, id, { email = `${id}@example.com`, headless = false } = {}) {
      const customer = { ...customerOf(id), email }
      await app.platform.store.transaction((tx) => {
        if (event === 'created') return emit(tx, 'customer', event, { ...customer, headless })
        return emit(tx, 'customer', event, customer)
      })
      await app.events()
    },
    async close() {
      await app.close()
      await mailbox.close()
    },
  }
}

/** An agent that nobody can log in as, made without the time that hashing a password takes. */
export async function insertAgent({ app }: Running, customer_id: string, permission: number): Promise<string> {
  const { store } = app.platform
  const agent = await agents.insert(store, {
    customer_id,
    permission,
    name: 'A',
    username: `${crypto.randomUUID()}@example.com`,
    login: crypto.randomUUID(),
    password_hash: '',
    detail: '',
    ring_method: 'ringall',
    status: 'offline',
    tag_ids: [],
    addresses: [],
    direct_hash: '',
  })
  return agent.id
}

export const unknownCustomer = '00000000-0000-4000-8000-00000000dead'
export const anybody = internalIdentity()
/** A customer of its own for each test. */
export const newCustomer = (): string => crypto.randomUUID()
export const holding = (customer_id: string, permission: number): Identity => ({ ...adminOf(customer_id), permission })
export const fieldsOf = (permission: number) => ({
  username: `${crypto.randomUUID()}@example.com`,
  password: 'long enough',
  name: 'A',
  permission,
})

const rowOf = (id: string) => ({ id, customer_id: id, tm_create: now(), tm_update: null, tm_delete: null })

const customerOf = (id: string) => ({
  ...rowOf(id),
  name: 'Acme',
  detail: '',
  email: `${id}@example.com`,
  phone_number: '',
  address: '',
  webhook_method: '' as const,
  webhook_uri: '',
  billing_account_id: newId(),
  metadata: { rtp_debug: false },
  email_verified: true,
  status: 'active' as const,
  identity_verification_status: 'none' as const,
  tm_deletion_scheduled: null,
})
