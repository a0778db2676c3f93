import { type Identity, internalIdentity, nilId, permissionBits } from '@sidetone/contract'
import { callContract } from '@sidetone/proto-schemas/call'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { routeContract } from '@sidetone/proto-schemas/route'
import type { TestDatabase } from '@sidetone/store/testing'
import { adminOf, scripted, someId, startTestPlatform } from '@sidetone/testing'
import { routeManager } from '../src/manager.ts'

export const acme = someId(1)
const operator: Identity = { ...adminOf(someId(9)), permission: permissionBits.project_super_admin }

const customerManager = scripted(customerContract, {
  customer: {
    async get({ id }, { fail }) {
      if (id !== acme) throw fail('CUSTOMER_NOT_FOUND')
      return {
        ...{ id, customer_id: id, name: '', detail: '', email: 'a@b.example', phone_number: '', address: '' },
        ...{ webhook_method: 'POST', webhook_uri: '', webhook_secret: '', billing_account_id: nilId },
        ...{ metadata: { rtp_debug: false }, email_verified: false, status: 'active' },
        ...{ identity_verification_status: 'none', tm_deletion_scheduled: null },
        ...{ tm_create: '2026-11-21T07:00:00.000000Z', tm_update: null, tm_delete: null },
      }
    },
  },
})

/** The route manager; of its neighbours there is one customer, `acme`, and nobody can be called. */
export async function startRoutes(database: TestDatabase, env: Record<string, string> = {}) {
  const dialled: unknown[] = []
  const callManager = scripted(callContract, {
    call: {
      async dial({ route_provider_ids, destinations, master_call_id: _, ...input }, { identity, fail }) {
        dialled.push({ ...input, route_provider_ids, destinations, identity })
        throw fail('DESTINATION_INVALID', { message: 'destinations.0: cannot be called here' })
      },
    },
  })
  const app = await startTestPlatform({
    managers: [customerManager, callManager, routeManager],
    env,
    database,
  })
  return {
    ...app.as(routeContract, operator),
    dialled,
    dialroutes: async (target: string, options: { customer_id?: string; route_provider_ids?: string[] } = {}) => {
      const { customer_id = acme, route_provider_ids = [] } = options
      const as = app.as(routeContract, internalIdentity(customer_id))
      return (await as.dialroute.list({ target, route_provider_ids })).result
    },
    app,
    events: async () => (await app.events()).filter(({ publisher }) => publisher === 'route'),
    close: app.close,
  }
}

export type Routes = Awaited<ReturnType<typeof startRoutes>>

/** What `POST /providers` needs. */
export const carrier = (hostname = 'sip.carrier.example') => ({
  ...{ type: 'sip' as const, hostname, tech_prefix: '', tech_postfix: '', tech_headers: {}, name: 'carrier' },
  detail: '',
})
