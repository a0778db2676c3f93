import type { Closable, Transport } from '@sidetone/bus'
import type { EventEnvelope } from '@sidetone/contract'
import type { Softswitch } from '@sidetone/softswitch'

interface Told {
  id: string
  customer_id: string
  username: string
}

/** Phones of a frozen customer and of a deleted extension are gone from the switch at once, and a new password counts at once. */
export function tellAccounts(transport: Transport, softswitch: Softswitch): Promise<Closable> {
  const changes: Record<string, (data: Told) => Parameters<Softswitch['accountsChanged']>[0]> = {
    customer_frozen: ({ id }) => ({ gone: { customer_id: id } }),
    customer_deleted: ({ id }) => ({ gone: { customer_id: id } }),
    extension_deleted: ({ customer_id, username }) => ({ gone: { customer_id, username } }),
    extension_updated: () => ({}),
    trunk_updated: () => ({}),
    trunk_deleted: () => ({}),
  }
  return transport.subscribe({
    name: 'softswitch',
    types: Object.keys(changes),
    handler: async ({ type, data }: EventEnvelope) =>
      softswitch.accountsChanged(changes[type]?.(data as unknown as Told)),
  })
}
