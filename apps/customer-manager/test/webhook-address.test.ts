import { defineContract } from '@sidetone/contract'
import { defineManager } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { adminOf, startTestPlatform } from '@sidetone/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { customerManager } from '../src/manager.ts'

const { follow } = webhookContract.resources.webhook_endpoint.operations
const told: string[] = []
const webhooks = defineManager({
  contract: defineContract({
    name: webhookContract.name,
    errors: {},
    resources: { webhook_endpoint: { operations: { follow }, events: {} } },
  }),
  settings: z.object({}),
  migrations: [],
  build: () => ({
    handlers: {
      webhook_endpoint: {
        async follow({ uri, method, secret }, { customer_id }) {
          expect([method, secret]).toEqual(['POST', expect.stringMatching(/^whsec_/)])
          told.push(`${customer_id} ${uri}`)
          return {}
        },
      },
    },
  }),
})

const platformAdmin = { ...adminOf(crypto.randomUUID()), type: 'internal' as const }
const fields = { name: 'C', email: 'c@example.com', webhook_method: 'POST' as const }

test.each([
  ['before its customer is answered', [customerManager, webhooks]],
  ['later, when nobody can be told', [customerManager]],
])('a changed address is told to the webhook manager %s', async (_, managers) => {
  told.length = 0
  const app = await startTestPlatform({ managers })
  const { id } = await app.as(customerContract, platformAdmin).customer.create(fields)
  const own = app.as(customerContract, adminOf(id)).customer
  const changed = await own.update_own({ ...fields, webhook_uri: 'http://127.0.0.1:9/a' })
  expect(told).toEqual(managers.includes(webhooks as never) ? [`${id} ${changed.webhook_uri}`] : [])
  expect((await app.events()).map(({ type }) => type)).toEqual(['customer_created', 'customer_updated'])
  await app.close()
})
