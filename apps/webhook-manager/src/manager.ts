import { defineManager, listen, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { timeAfter } from '@sidetone/store'
import { z } from 'zod'
import { createCore } from './core.ts'
import { customerAddresses } from './customer-address.ts'
import { deliveryHandlers } from './delivery-log.ts'
import { defineDrain } from './drain.ts'
import { endpointHandlers } from './endpoints.ts'
import { createFanOut } from './fan-out.ts'
import { flowWebhooks } from './flow-webhooks.ts'
import { migrations } from './migrations.ts'

const hourMs = 3_600_000
/** How long what was sent can be looked up and replayed. */
const keepMs = 7 * 24 * hourMs

export const webhookManager = defineManager({
  contract: webhookContract,
  settings: z.object({}),
  migrations,
  build(resources) {
    const core = createCore(resources)
    const { store, endpoints, deliveries } = core
    const addresses = customerAddresses(core)
    defineDrain(core)
    core.jobs.every('webhook.purge', {
      everyMs: hourMs,
      timeoutMs: hourMs / 2,
      async handler() {
        await deliveries.purge(timeAfter(-keepMs))
        const old = store.kysely.deleteFrom(endpoints.name).where('type', '=', 'activeflow')
        await old.where('tm_create', '<', timeAfter(-keepMs)).execute()
      },
    })

    return {
      handlers: {
        webhook: { send: flowWebhooks(core, addresses) },
        webhook_endpoint: {
          ...endpointHandlers(core),
          async follow(address, { customer_id }) {
            await addresses.follow(customer_id, address)
            return {}
          },
        },
        webhook_delivery: deliveryHandlers(core),
      },
      purges: { webhook_endpoint: core.endpoints },
      reactions: [
        listen(customerContract, 'customer', 'updated', ({ id }) => addresses.refresh(id)),
        react(customerContract, 'customer', 'deleted', (tx, { id }) => endpoints.softDeleteAllOf(tx, id)),
        { types: 'all', run: createFanOut(core, addresses) },
      ],
    }
  },
})
