import { errorOf, type Identity, internalIdentity, nilId, permissionBits } from '@sidetone/contract'
import { billingContract, type PlanType } from '@sidetone/proto-schemas/billing'
import { type Customer, customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { numberContract } from '@sidetone/proto-schemas/number'
import { newId, now } from '@sidetone/store'
import type { TestDatabase } from '@sidetone/store/testing'
import { adminOf, scripted, someId, startTestPlatform } from '@sidetone/testing'
import { numberManager } from '../src/manager.ts'

export const [acme, rival] = [someId(1), someId(2)]
const operator: Identity = { ...adminOf(someId(9)), permission: permissionBits.project_super_admin }

export type Running = Awaited<ReturnType<typeof startNumbers>>

/** The number manager on that database. Of its neighbours there are two customers, their flows, and their money. */
export async function startNumbers(
  database: TestDatabase,
  {
    env = {},
    withBilling = true,
    manager = numberManager,
  }: { env?: Record<string, string>; withBilling?: boolean; manager?: typeof numberManager } = {},
) {
  const flows = new Map<string, string>()
  /** `<type> <reference>` of what is held, and of whom. */
  const held = new Map<string, string>()
  const penniless = new Set<string>()
  const withoutAccount = new Set<string>()
  const frozen = new Set<string>()
  const identities = new Map<string, Customer['identity_verification_status']>()
  const plans = new Map<string, PlanType>()

  const customers = scripted(customerContract, {
    customer: {
      async get({ id }, { fail }) {
        if (id !== acme && id !== rival) throw fail('CUSTOMER_NOT_FOUND')
        return {
          ...{ id, customer_id: id, name: '', detail: '', email: 'a@b.example', phone_number: '', address: '' },
          ...{ webhook_method: 'POST', webhook_uri: '', webhook_secret: '', billing_account_id: nilId },
          ...{ metadata: { rtp_debug: false }, email_verified: false },
          status: frozen.has(id) ? ('frozen' as const) : ('active' as const),
          ...{ identity_verification_status: identities.get(id) ?? 'none', tm_deletion_scheduled: null },
          ...{ tm_create: '2026-11-21T07:00:00.000000Z', tm_update: null, tm_delete: null },
        }
      },
    },
  })
  const flowManager = scripted(flowContract, {
    flow: {
      async get({ id }, { customer_id }) {
        if (flows.get(id) !== customer_id) throw errorOf(flowContract.errors, 'FLOW_NOT_FOUND')
        return {
          ...{ id, customer_id, type: 'flow' as const, name: '', detail: '', actions: [], direct_hash: '' },
          on_complete_flow_id: nilId,
          ...{ tm_create: '2026-11-21T07:00:00.000000Z', tm_update: null, tm_delete: null },
        }
      },
    },
  })
  const billing = scripted(billingContract, {
    billing_account: {
      plan_limit: async (_, { customer_id }) => ({ limit: plans.get(customer_id) === 'unlimited' ? null : 5 }),
    },
    reservation: {
      async create({ reference_type, reference_id }, { customer_id, fail }) {
        if (frozen.has(customer_id)) throw fail('BILLING_ACCOUNT_FROZEN')
        if (penniless.has(customer_id)) throw fail('BALANCE_INSUFFICIENT')
        if (withoutAccount.has(customer_id)) throw fail('BILLING_ACCOUNT_NOT_FOUND')
        held.set(`${reference_type} ${reference_id}`, customer_id)
        return { id: newId(), account_id: newId(), max_seconds: null }
      },
      async release({ reference_type, reference_id }, { fail }) {
        if (!held.delete(`${reference_type} ${reference_id}`)) throw fail('RESERVATION_NOT_FOUND')
        return {}
      },
    },
  })
  const app = await startTestPlatform({
    managers: [customers, flowManager, ...(withBilling ? [billing] : []), manager],
    env,
    database,
  })
  const { store, transport } = app.platform

  return {
    app,
    held,
    penniless,
    withoutAccount,
    frozen,
    identities,
    plans,
    mine: app.as(numberContract, adminOf(acme)),
    theirs: app.as(numberContract, adminOf(rival)),
    operators: app.as(numberContract, operator),
    lookup: async (number: string) => app.as(numberContract, internalIdentity()).number.lookup({ number }),
    /** A new flow of a customer. */
    flowOf(customer_id: string) {
      const id = newId()
      flows.set(id, customer_id)
      return id
    },
    /** What has been announced about a resource, or of a type. */
    told: async (what: { id?: string; type?: string }) =>
      (await app.events()).filter(
        ({ resource_id, type }) => resource_id === (what.id ?? resource_id) && type === (what.type ?? type),
      ),
    /** Announces what another manager would, and waits until it has had its effect. */
    async announce(type: 'customer_deleted' | 'flow_deleted', id: string, customer_id: string) {
      const resource = type.slice(0, type.indexOf('_'))
      const envelope = { id: newId(), type, publisher: 'test', customer_id, owner_id: nilId, resource, resource_id: id }
      await transport.publish({ ...envelope, sequence: 1, time: now(), data: { id, customer_id } })
    },
    /** Lets jobs of a type that wait for later begin now. */
    async hurry(type: string) {
      const waiting = store.kysely.updateTable('jobs_job').where('type', '=', type).where('state', '=', 'pending')
      await waiting.set({ due_ms: 0, run_at_ms: 0 }).execute()
      await store.transaction(async (tx) => tx.signal(`jobs:number:${type}`))
    },
    close: app.close,
  }
}
