import { directContract } from '@sidetone/proto-schemas/direct'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { newId, now } from '@sidetone/store'
import type { TestDatabase } from '@sidetone/store/testing'
import { adminOf, scripted, someId, startTestPlatform } from '@sidetone/testing'
import { registrarManager } from '../src/manager.ts'

export const [acme, rival] = [someId(1), someId(2)]
export const realm = 'http-auth@example.org'

export type Running = Awaited<ReturnType<typeof startRegistrar>>

/** The registrar on that database; the direct manager gives hashes as long as it is there. */
export async function startRegistrar(database: TestDatabase, { withDirects = true } = {}) {
  const directs = scripted(directContract, {
    direct: {
      create: async (resource, { customer_id }) => directOf(customer_id, resource),
      regenerate: async (resource, { customer_id }) => directOf(customer_id, resource),
    },
  })
  const app = await startTestPlatform({
    managers: [...(withDirects ? [directs] : []), registrarManager],
    env: { SIP_REALM: realm, DEFAULT_CUSTOMER_ID: acme },
    database,
  })
  return {
    app,
    as: (customer: string) => app.as(registrarContract, adminOf(customer)),
    /** Announces what has become of a customer, and waits until that has had its effect. */
    async customer(event: 'frozen' | 'recovered' | 'deleted', id: string) {
      const envelope = { id: newId(), type: `customer_${event}`, publisher: 'test', customer_id: id, owner_id: id }
      const about = { resource: 'customer', resource_id: id, sequence: 1, time: now() }
      await app.platform.transport.publish({ ...envelope, ...about, data: { id, customer_id: id } })
    },
    close: app.close,
  }
}

const directOf = <T extends object>(customer_id: string, resource: T) => ({
  ...{ id: newId(), customer_id, tm_create: now(), tm_update: null, tm_delete: null },
  ...resource,
  hash: `direct.${crypto.randomUUID().replaceAll('-', '')}`,
})
