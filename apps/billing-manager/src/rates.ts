import { type Handlers, nilId } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { BillingRate, billingContract, CostType } from '@sidetone/proto-schemas/billing'
import { type Db, DuplicateError, type Store } from '@sidetone/store'
import { freeOfCharge, type Price } from './cost.ts'
import { tables } from './tables.ts'

const { rates } = tables

/** Rates belong to the platform, not to a customer. */
const platform = nilId

/** What an empty database begins with. The ids are fixed, so that a rate that was deleted does not come back. */
const initial: Pick<BillingRate, 'id' | 'cost_type' | 'rate_token_per_unit' | 'rate_credit_per_unit'>[] = (
  [
    ['call_pstn_outgoing', 0, 10_000],
    ['call_pstn_incoming', 0, 10_000],
    ['call_vn', 1, 1_000],
    ['call_extension', 0, 0],
    ['call_direct_ext', 0, 0],
    ['sms', 0, 10_000],
    ['email', 0, 10_000],
    ['number', 0, 5_000_000],
    ['number_renew', 0, 5_000_000],
    ['tts', 3, 30_000],
    ['recording', 3, 30_000],
  ] as const
).map(([cost_type, rate_token_per_unit, rate_credit_per_unit], index) => ({
  id: `00000000-0000-4000-8000-b111${String(index + 1).padStart(8, '0')}`,
  cost_type,
  rate_token_per_unit,
  rate_credit_per_unit,
}))

const keyOf = (cost_type: string, prefix: string): string => `${cost_type} ${prefix}`

/** Adds the initial rates that this database has never had. */
export async function seedRates(store: Store): Promise<void> {
  for (const rate of initial) {
    const active_key = keyOf(rate.cost_type, '')
    await rates.insert(store, { ...rate, prefix: '', active_key, customer_id: platform }).catch((error: unknown) => {
      // It was there before, and may have been deleted or replaced since.
      if (!(error instanceof DuplicateError)) throw error
    })
  }
}

/** The price of a unit: of the rates whose prefix the number begins with, the longest. Without a rate nothing is charged. */
export async function priceOf(db: Db, cost_type: CostType, number: string): Promise<Price> {
  const prefixes = Array.from({ length: number.length + 1 }, (_, length) => number.slice(0, length))
  const active_key = prefixes.map((prefix) => keyOf(cost_type, prefix))
  const fitting = await rates.list(db, platform, { where: { active_key }, limit: active_key.length })
  const [longest] = fitting.sort((a, b) => b.prefix.length - a.prefix.length)
  return longest ?? freeOfCharge
}

export function rateHandlers({
  store,
}: Pick<Resources<typeof billingContract>, 'store'>): Handlers<typeof billingContract>['billing_rate'] {
  return {
    list: (query) => rates.page(store, platform, query),

    create: (fields, { fail }) =>
      rates
        .insert(store, { ...fields, customer_id: platform, active_key: keyOf(fields.cost_type, fields.prefix) })
        .catch((error: unknown) => {
          throw error instanceof DuplicateError ? fail('RATE_ALREADY_EXISTS') : error
        }),

    async update({ id, ...fields }, { fail }) {
      const rate = await rates.update(store, platform, id, fields)
      if (!rate) throw fail('RATE_NOT_FOUND')
      return rate
    },

    delete: ({ id }, { fail }) =>
      store.transaction(async (tx) => {
        await rates.update(tx, platform, id, { active_key: null })
        const rate = await rates.softDelete(tx, platform, id)
        if (!rate) throw fail('RATE_NOT_FOUND')
        return rate
      }),
  }
}
