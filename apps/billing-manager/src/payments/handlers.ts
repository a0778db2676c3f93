import type { ApiError, ErrorOverrides, Handlers, RawRequest } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { billingContract } from '@sidetone/proto-schemas/billing'
import type { LedgerBooks } from '../ledger.ts'
import type { AccountRow } from '../tables.ts'
import { createFactApplier } from './apply-fact.ts'
import { customerField, type PaymentFact, type PaymentProvider, type ProviderName } from './provider.ts'

type PortalReason =
  | 'BILLING_ACCOUNT_NOT_FOUND'
  | 'PAYMENT_PROVIDER_NOT_CONFIGURED'
  | 'PAYMENT_PROVIDER_UNAVAILABLE'
  | 'PAYMENT_CUSTOMER_UNKNOWN'
type WebhookReason = 'PAYMENT_PROVIDER_NOT_CONFIGURED' | 'WEBHOOK_SIGNATURE_INVALID' | 'WEBHOOK_INVALID'

interface Context<Reason> {
  customer_id: string
  fail: (reason: Reason, overrides?: ErrorOverrides) => ApiError
}

interface Dependencies extends Pick<Resources<typeof billingContract>, 'store' | 'log'> {
  ledger: LedgerBooks
  providers: Map<ProviderName, PaymentProvider>
}

export function paymentHandlers({
  store,
  log,
  ledger,
  providers,
}: Dependencies): Handlers<typeof billingContract>['payment'] {
  const apply = createFactApplier({ store, ledger, log })

  function providerNamed(name: ProviderName, { fail }: Context<'PAYMENT_PROVIDER_NOT_CONFIGURED'>): PaymentProvider {
    const provider = providers.get(name)
    if (!provider) throw fail('PAYMENT_PROVIDER_NOT_CONFIGURED')
    return provider
  }

  async function accountOf({ customer_id, fail }: Context<'BILLING_ACCOUNT_NOT_FOUND'>): Promise<AccountRow> {
    const account = await store.transaction((tx) => ledger.open(tx, customer_id))
    if (!account) throw fail('BILLING_ACCOUNT_NOT_FOUND')
    return account
  }

  const unavailable =
    (name: ProviderName, { fail }: Context<'PAYMENT_PROVIDER_UNAVAILABLE'>) =>
    (cause: unknown): never => {
      log.error({ provider: name, err: cause }, 'a payment provider failed')
      throw fail('PAYMENT_PROVIDER_UNAVAILABLE', { cause })
    }

  const portal = (name: ProviderName) => async (_: unknown, context: Context<PortalReason>) => {
    const provider = providerNamed(name, context)
    const account = await accountOf(context)
    const customer = customerAt(name, account)
    if (!customer) throw context.fail('PAYMENT_CUSTOMER_UNKNOWN')
    return { url: await provider.portal(customer).catch(unavailable(name, context)) }
  }

  const webhook =
    (name: ProviderName) =>
    async ({ headers, body }: RawRequest, context: Context<WebhookReason>) => {
      const provider = providerNamed(name, context)
      if (!provider.isSigned(headers, body)) throw context.fail('WEBHOOK_SIGNATURE_INVALID')
      const fact = read(provider, body, context)
      if (fact) await apply(name, fact)
      return {}
    }

  function read(provider: PaymentProvider, body: string, { fail }: Context<WebhookReason>): PaymentFact | undefined {
    try {
      return provider.factOf(JSON.parse(body))
    } catch (cause) {
      log.error({ provider: provider.name, err: cause }, 'an event of a payment provider cannot be read')
      throw fail('WEBHOOK_INVALID', { cause })
    }
  }

  return {
    async checkout({ provider: name, amount_cents, plan_type, return_url }, context) {
      const provider = providerNamed(name, context)
      const account = await accountOf(context)
      if (plan_type && (account.paddle_subscription_id || account.stripe_subscription_id)) {
        throw context.fail('SUBSCRIPTION_EXISTS')
      }
      const price = plan_type && provider.priceOf(plan_type)
      if (plan_type && !price) {
        const problem = 'is not sold through this provider'
        throw context.fail('INVALID_ARGUMENT', {
          message: `plan_type: ${problem}`,
          details: [{ field: 'plan_type', problem }],
        })
      }
      const url = await provider
        .checkout({
          account_id: account.id,
          provider_customer: customerAt(name, account),
          what: price ? { price } : { amount_cents: amount_cents! },
          return_url,
        })
        .catch(unavailable(name, context))
      return { url }
    },
    paddle_portal: portal('paddle'),
    stripe_portal: portal('stripe'),
    paddle_webhook: webhook('paddle'),
    stripe_webhook: webhook('stripe'),
  }
}

const customerAt = (name: ProviderName, account: AccountRow): string => account[customerField[name]]
