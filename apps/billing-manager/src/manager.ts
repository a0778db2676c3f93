import { defineManager } from '@sidetone/manager'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { accountHandlers } from './accounts.ts'
import { createClosing } from './closing.ts'
import { endForgotten, renewDue } from './housekeeping.ts'
import { invoiceDue, invoiceHandlers } from './invoices.ts'
import { createLedger } from './ledger.ts'
import { migrations } from './migrations.ts'
import { defineCancellation } from './payments/cancel-subscription.ts'
import { paymentHandlers } from './payments/handlers.ts'
import { createPaddle } from './payments/paddle.ts'
import { forgetEarlyRefunds } from './payments/refunds.ts'
import { paymentSettings } from './payments/settings.ts'
import { createStripe } from './payments/stripe.ts'
import { rateHandlers, seedRates } from './rates.ts'
import { reactionsOf } from './reactions.ts'
import { tables } from './tables.ts'
import { createUsage } from './usage.ts'

const hourMs = 3_600_000

export const billingManager = defineManager({
  contract: billingContract,
  settings: paymentSettings,
  migrations,
  build(resources) {
    const { settings, store, jobs, outbound, log } = resources
    const ledger = createLedger(resources)
    const usage = createUsage({ ...resources, ledger })
    const closing = createClosing({ ...resources, ledger })
    const configured = [createPaddle(settings, outbound), createStripe(settings, outbound)]
    const providers = new Map(configured.flatMap((provider) => (provider ? [[provider.name, provider] as const] : [])))

    defineCancellation(jobs, providers, log)
    const hourly = (type: string, handler: () => Promise<void>) =>
      jobs.every(type, { everyMs: hourMs, timeoutMs: hourMs / 2, handler })
    hourly('billing.monthly_tokens', () => renewDue(store, ledger, store.now()))
    hourly('billing.invoices', () => invoiceDue(resources, store.now()))
    hourly('billing.forgotten_reservations', () => endForgotten(store, ledger))
    hourly('billing.close_accounts', () => closing.finishDue(store))
    hourly('billing.forget_early_refunds', () => forgetEarlyRefunds(store))

    return {
      start: () => seedRates(store),
      handlers: {
        billing_account: accountHandlers({ store, ledger }),
        billing: {
          list: (query, { customer_id }) => tables.billings.page(store, customer_id, query),
          async get({ id }, { scope, fail }) {
            const billing = await tables.billings.find(store, scope, id)
            if (!billing) throw fail('BILLING_NOT_FOUND')
            return billing
          },
        },
        reservation: usage.handlers,
        billing_rate: rateHandlers({ store }),
        invoice: invoiceHandlers(resources),
        payment: paymentHandlers({ store, log, ledger, providers }),
      },
      reactions: reactionsOf({ ledger, usage, close: closing.close, jobs }),
    }
  },
})
