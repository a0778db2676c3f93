import { type ApiError, everyCustomer, type Handlers, type Scope } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { billingContract } from '@sidetone/proto-schemas/billing'
import { newId, type Tx } from '@sidetone/store'
import { availableTo, type LedgerBooks } from './ledger.ts'
import { limitOf } from './plans.ts'
import { type AccountRow, tables } from './tables.ts'

const { accounts } = tables

type Fail = (reason: 'BILLING_ACCOUNT_NOT_FOUND') => ApiError

/** US dollars as micros, digit by digit: what is multiplied as a float may end up a micro off. */
export const microsOf = (usd: number): number => Number(usd.toFixed(6).replace('.', ''))

export function accountHandlers({
  store,
  ledger,
}: Pick<Resources<typeof billingContract>, 'store'> & { ledger: LedgerBooks }): Handlers<
  typeof billingContract
>['billing_account'] {
  /** Does something with the customer's own account. */
  const withOwn = (
    { customer_id, fail }: { customer_id: string; fail: Fail },
    work: (tx: Tx, account: AccountRow) => Promise<AccountRow>,
  ): Promise<AccountRow> =>
    store.transaction(async (tx) => {
      const account = await ledger.open(tx, customer_id)
      if (!account) throw fail('BILLING_ACCOUNT_NOT_FOUND')
      return work(tx, account)
    })

  /** Does something with the account of that id. */
  const withAccount = (
    id: string,
    { scope, fail }: { scope: Scope; fail: Fail },
    work: (tx: Tx, account: AccountRow) => Promise<AccountRow>,
  ): Promise<AccountRow> =>
    store.transaction(async (tx) => {
      const account = await accounts.findLocked(tx, scope, id)
      if (!account || account.status === 'deleted') throw fail('BILLING_ACCOUNT_NOT_FOUND')
      return work(tx, account)
    })

  const adjustment = (credit: number) =>
    ({
      transaction_type: 'adjustment',
      reference_type: 'credit_adjustment',
      reference_id: newId(),
      counter: 'adjustments',
      token: 0,
      credit,
    }) as const

  return {
    async own(_, context) {
      const known = await accounts.findBy(store, context.customer_id, { status: ['active', 'frozen'] })
      // A customer that is older than its account, or whose account is being opened.
      return known ?? withOwn(context, async (_tx, account) => account)
    },
    update_own: (fields, context) => withOwn(context, (tx, account) => ledger.change(tx, account, fields)),
    update_own_payment_info: (fields, context) => withOwn(context, (tx, account) => ledger.change(tx, account, fields)),

    async check(_, { customer_id }) {
      const account = await accounts.findBy(store, customer_id, {})
      if (account?.status !== 'active') return { valid: false }
      const { token, credit } = availableTo(account)
      return { valid: account.plan_type === 'unlimited' || token > 0 || credit > 0 }
    },

    async plan_limit({ resource }, { customer_id }) {
      const account = await accounts.findBy(store, customer_id, {})
      return { limit: limitOf(account?.plan_type ?? 'free', resource) }
    },

    list: (query) => accounts.page(store, everyCustomer, query),

    async get({ id }, { scope, fail }) {
      const account = await accounts.find(store, scope, id)
      if (!account) throw fail('BILLING_ACCOUNT_NOT_FOUND')
      return account
    },

    update: ({ id, ...fields }, context) =>
      withAccount(id, context, (tx, account) => ledger.change(tx, account, fields)),
    update_payment_info: ({ id, ...fields }, context) =>
      withAccount(id, context, (tx, account) => ledger.change(tx, account, fields)),

    update_plan_type: ({ id, plan_type }, context) =>
      withAccount(id, context, async (tx, account) => {
        const changed = await ledger.change(tx, account, { plan_type, plan_status: 'active' })
        return ledger.renewTokens(tx, changed)
      }),

    balance_add_force: ({ id, balance }, context) =>
      withAccount(id, context, (tx, account) => ledger.enter(tx, account, adjustment(microsOf(balance)))),

    balance_subtract_force: ({ id, balance }, context) =>
      withAccount(id, context, (tx, account) => {
        const credit = microsOf(balance)
        const available = availableTo(account)
        if (credit > available.credit) throw context.fail('BALANCE_INSUFFICIENT', { details: [{ available }] })
        return ledger.enter(tx, account, adjustment(-credit))
      }),
  }
}
