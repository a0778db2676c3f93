import type { Jobs } from '@sidetone/jobs'
import { ProviderRefused } from '@sidetone/outbound'
import type { Tx } from '@sidetone/store'
import type { Logger } from '@sidetone/telemetry'
import type { AccountRow } from '../tables.ts'
import type { PaymentProvider, ProviderName } from './provider.ts'
import { livingOf } from './subscriptions.ts'

const type = 'billing.cancel_subscription'

interface Cancellation {
  provider: ProviderName
  subscription: string
}

/** Nobody must go on paying for an account that is closed. */
export function defineCancellation(jobs: Jobs, providers: Map<ProviderName, PaymentProvider>, log: Logger): void {
  jobs.define<Cancellation>(type, {
    maxAttempts: 20,
    backoff: (attempt) => Math.min(2 ** attempt * 1_000, 3_600_000),
    concurrency: 2,
    timeoutMs: 30_000,
    async handler({ provider, subscription }) {
      const known = providers.get(provider)
      if (!known) throw new Error(`${provider} is not configured`)
      await known.cancelSubscription(subscription).catch((error: unknown) => {
        // Canceled before.
        if (!(error instanceof ProviderRefused && (error.status === 404 || error.status === 409))) throw error
      })
    },
    onDead: ({ provider, subscription }, reason) =>
      log.error({ provider, subscription, reason }, 'the subscription of a closed account could not be canceled'),
  })
}

export async function enqueueCancellations(tx: Tx, jobs: Jobs, account: AccountRow): Promise<void> {
  for (const { provider, subscription } of await livingOf(tx, account)) {
    await jobs.enqueue(tx, type, { provider, subscription } satisfies Cancellation)
  }
}
