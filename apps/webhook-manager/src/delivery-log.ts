import type { Handlers, OperationContext } from '@sidetone/contract'
import type { WebhookEndpoint, webhookContract } from '@sidetone/proto-schemas/webhook'
import { type Core, wake } from './core.ts'
import { found } from './endpoints.ts'

type Context<Reason extends string> = Pick<OperationContext<Reason>, 'scope' | 'fail'>
type NotFound = 'WEBHOOK_ENDPOINT_NOT_FOUND'

export function deliveryHandlers(core: Core): Handlers<typeof webhookContract>['webhook_delivery'] {
  const { store, endpoints, deliveries } = core

  const endpointOf = async (id: string, { scope, fail }: Context<NotFound>): Promise<WebhookEndpoint> =>
    found(await endpoints.find(store, scope, id), () => fail('WEBHOOK_ENDPOINT_NOT_FOUND'))

  async function enabled(id: string, context: Context<NotFound | 'WEBHOOK_ENDPOINT_NOT_ENABLED'>): Promise<void> {
    if ((await endpointOf(id, context)).status !== 'enabled') throw context.fail('WEBHOOK_ENDPOINT_NOT_ENABLED')
  }

  return {
    async list({ id, ...query }, context) {
      await endpointOf(id, context)
      return deliveries.page(id, query)
    },

    async replay({ id, delivery_id }, context) {
      await enabled(id, context)
      return store.transaction(async (tx) => {
        const delivery = await deliveries.replay(tx, id, delivery_id)
        await wake(core, tx, id)
        return found(delivery, () => context.fail('WEBHOOK_DELIVERY_NOT_FOUND'))
      })
    },

    async replay_failed({ id, since }, context) {
      await enabled(id, context)
      let total = 0
      for (let after: number | undefined = 0; after !== undefined; ) {
        const from: number = after
        const { count, last } = await store.transaction(async (tx) => {
          const batch = await deliveries.replayFailed(tx, id, { since, after: from })
          await wake(core, tx, id)
          return batch
        })
        total += count
        after = last
      }
      return { count: total }
    },
  }
}
