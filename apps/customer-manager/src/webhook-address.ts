import { internalIdentity } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { Customer, customerContract } from '@sidetone/proto-schemas/customer'
import { webhookContract } from '@sidetone/proto-schemas/webhook'

/**
 * Tells the webhook manager the address of a customer, once that is committed and before the caller is answered: the very
 * next event goes there. When it cannot be told, it learns by the event of the change, a moment later.
 */
export const webhookAddress = ({ client, log }: Pick<Resources<typeof customerContract>, 'client' | 'log'>) => {
  const webhooks = client(webhookContract)
  return async (customer: Customer): Promise<void> => {
    const { id, webhook_uri: uri, webhook_method: method, webhook_secret: secret, tm_update, tm_create } = customer
    const address = { uri, method, secret, tm_source: tm_update ?? tm_create }
    await webhooks.webhook_endpoint
      .follow(address, { identity: internalIdentity(id) })
      .catch((err: unknown) => log.warn({ err, customer_id: id }, 'webhooks follow a changed address a little later'))
  }
}
