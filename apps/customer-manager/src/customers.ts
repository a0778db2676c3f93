import { randomBytes } from 'node:crypto'
import { ApiError, type Handlers, internalIdentity, nilId, type OperationContext } from '@sidetone/contract'
import { OutboundRefused } from '@sidetone/outbound'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { billingContract } from '@sidetone/proto-schemas/billing'
import type { Customer, customerContract } from '@sidetone/proto-schemas/customer'
import { DuplicateError, newId, type Tx } from '@sidetone/store'
import { lifecycleHandlers } from './lifecycle.ts'
import type { Core, SignupFields } from './tables.ts'
import { askToVerify } from './verify-email.ts'
import { webhookAddress } from './webhook-address.ts'

type CustomerHandlers = Handlers<typeof customerContract>['customer']

/** A secret in the form that Standard Webhooks libraries take. */
const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** A URL that the guard would refuse is refused when it is set already; the guard looks again at every delivery. */
export async function checkWebhookUri(
  { outbound }: Pick<Core, 'outbound'>,
  uri: string,
  { fail }: Pick<OperationContext<'INVALID_WEBHOOK_URI'>, 'fail'>,
): Promise<void> {
  if (uri === '') return
  await outbound.check(uri).catch((cause: Error) => {
    // A host that is not known at the moment may be known when the first webhook is sent.
    if (!(cause instanceof OutboundRefused)) return
    const problem = cause.message
    throw fail('INVALID_WEBHOOK_URI', {
      message: `webhook_uri: ${problem}`,
      details: [{ field: 'webhook_uri', problem }],
      cause,
    })
  })
}

/** Rejects with a `DuplicateError` when another customer has the address or the id. */
export async function insertCustomer(
  { emit, customers }: Pick<Core, 'emit' | 'customers'>,
  tx: Tx,
  {
    id = newId(),
    headless,
    ...fields
  }: SignupFields & { id?: string | undefined; headless: boolean; email_verified: boolean },
): Promise<Customer> {
  const customer = await customers.insert(tx, {
    ...fields,
    id,
    customer_id: id,
    active_email: fields.email.toLowerCase(),
    webhook_secret: newWebhookSecret(),
    billing_account_id: nilId,
    metadata: { rtp_debug: false },
    status: 'active',
    identity_verification_status: 'none',
    tm_deletion_scheduled: null,
  })
  await emit(tx, 'customer', 'created', { ...customer, headless })
  return customer
}

export function customerHandlers(core: Core): Omit<CustomerHandlers, 'signup' | 'email_verify'> {
  const { store, emit, client, customers } = core
  const agents = client(agentContract)
  const billing = client(billingContract)
  const tellWebhooks = webhookAddress(core)

  /** Changes a customer that must be there, and says so. */
  const change = (
    id: string,
    { scope, fail }: Pick<OperationContext<'CUSTOMER_NOT_FOUND'>, 'scope' | 'fail'>,
    patchOf: (before: Customer) => Parameters<typeof customers.update>[3],
    also?: (tx: Tx, after: Customer) => Promise<unknown>,
  ): Promise<Customer> =>
    store.transaction(async (tx) => {
      const before = await customers.findLocked(tx, scope, id)
      if (!before) throw fail('CUSTOMER_NOT_FOUND')
      const customer = await customers.update(tx, scope, id, patchOf(before))
      await emit(tx, 'customer', 'updated', customer!)
      await also?.(tx, customer!)
      return customer!
    })

  async function replace(
    id: string,
    fields: SignupFields,
    context: OperationContext<'CUSTOMER_NOT_FOUND' | 'CUSTOMER_ALREADY_EXISTS' | 'INVALID_WEBHOOK_URI'>,
  ): Promise<Customer> {
    await checkWebhookUri(core, fields.webhook_uri, context)
    const active_email = fields.email.toLowerCase()
    const customer = await change(
      id,
      context,
      ({ email, email_verified }) => ({
        ...fields,
        active_email,
        // Another address is one that nobody has verified.
        email_verified: email_verified && email.toLowerCase() === active_email,
      }),
      (tx, { email, email_verified }) => (email_verified ? Promise.resolve() : askToVerify(core, tx, { id, email })),
    ).catch(duplicateAs(() => context.fail('CUSTOMER_ALREADY_EXISTS')))
    await tellWebhooks(customer)
    return customer
  }

  /** Only an account of the customer itself: nobody pays for another. */
  async function setBillingAccount(
    id: string,
    { billing_account_id }: Pick<Customer, 'billing_account_id'>,
    context: OperationContext<'CUSTOMER_NOT_FOUND' | 'BILLING_ACCOUNT_UNKNOWN'>,
  ): Promise<Customer> {
    await billing.billing_account
      .get({ id: billing_account_id }, { identity: internalIdentity(id) })
      .catch((error: unknown) => {
        const unknown = error instanceof ApiError && error.status === 'NOT_FOUND'
        throw unknown ? context.fail('BILLING_ACCOUNT_UNKNOWN') : error
      })
    return change(id, context, () => ({ billing_account_id }))
  }

  return {
    ...lifecycleHandlers(core),

    async own(_, { customer_id, fail }) {
      const customer = await customers.find(store, customer_id, customer_id)
      if (!customer) throw fail('CUSTOMER_NOT_FOUND')
      return customer
    },

    update_own: (fields, context) => replace(context.customer_id, fields, context),
    update_own_metadata: (metadata, context) => change(context.customer_id, context, () => ({ metadata })),
    update_own_billing_account_id: (fields, context) => setBillingAccount(context.customer_id, fields, context),

    list: (query, { scope }) => customers.page(store, scope, query),

    async create(fields, context) {
      await checkWebhookUri(core, fields.webhook_uri, context)
      // Managers and the admin command make the first agent themselves.
      const headless = context.identity.type === 'internal'
      if (!headless) {
        const identity = internalIdentity()
        const { agent } = await agents.agent.by_username({ username: fields.email }, { identity })
        if (agent)
          throw context.fail('CUSTOMER_ALREADY_EXISTS', { message: 'An agent with this email exists already.' })
      }
      return store
        .transaction((tx) => insertCustomer(core, tx, { ...fields, headless, email_verified: false }))
        .catch(duplicateAs(() => context.fail('CUSTOMER_ALREADY_EXISTS')))
    },

    async get({ id }, { scope, fail }) {
      const customer = await customers.find(store, scope, id)
      if (!customer) throw fail('CUSTOMER_NOT_FOUND')
      return customer
    },

    update: ({ id, ...fields }, context) => replace(id, fields, context),
    update_metadata: ({ id, ...metadata }, context) => change(id, context, () => ({ metadata })),
    update_identity_verification_status: ({ id, identity_verification_status }, context) =>
      change(id, context, () => ({ identity_verification_status })),
    update_billing_account_id: ({ id, ...fields }, context) => setBillingAccount(id, fields, context),
  }
}

const duplicateAs =
  (make: () => ApiError) =>
  (error: unknown): never => {
    throw error instanceof DuplicateError ? make() : error
  }
