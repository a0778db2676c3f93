import { everyCustomer, type Handlers } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { billingContract, Invoice } from '@sidetone/proto-schemas/billing'
import type { Store, Tx } from '@sidetone/store'
import { invoicePdf } from './invoice-pdf.ts'
import { periodAfter, periodOf, startOf } from './period.ts'
import { type AccountRow, tables } from './tables.ts'

const { accounts, billings, invoices } = tables

const batchSize = 100
const hourMs = 3_600_000
const expiresSeconds = 3_600

type Own = Pick<Resources<typeof billingContract>, 'store' | 'emit'>

/** Invoices every month that has been over for an hour, so that whatever was being posted at its end is in it. */
export async function invoiceDue({ store, emit }: Own, now: string): Promise<void> {
  const current = periodOf(new Date(Date.parse(now) - hourMs).toISOString())
  const last = periodAfter(current, -1)
  for (;;) {
    const due = await accounts
      .select(store, everyCustomer)
      .select('id')
      .where('invoiced_period', '<', last)
      .limit(batchSize)
      .execute()
    for (const { id } of due) {
      await store.transaction(async (tx) => {
        const account = await accounts.findLocked(tx, everyCustomer, id as string)
        if (!account || account.invoiced_period >= last) return
        const invoice = await invoiceMonth(tx, account, periodAfter(account.invoiced_period))
        await emit(tx, 'invoice', 'created', invoice)
      })
    }
    // An account that was not invoiced for months comes up again.
    if (due.length === 0) return
  }
}

/** Invoices all months until now, since no other will be. */
export async function invoiceRest(tx: Tx, emit: Own['emit'], account: AccountRow): Promise<void> {
  const current = periodOf(tx.now())
  for (let { invoiced_period } = account; invoiced_period < current; ) {
    const invoice = await invoiceMonth(tx, { ...account, invoiced_period }, periodAfter(invoiced_period))
    await emit(tx, 'invoice', 'created', invoice)
    invoiced_period = invoice.period
  }
}

async function invoiceMonth(tx: Tx, account: AccountRow, period: string): Promise<Invoice> {
  const { customer_id, id: account_id } = account
  const before = await invoices.findBy(tx, customer_id, { account_id, period: account.invoiced_period })
  const lines = await linesOf(tx, account, period)
  const opening_credit = before?.closing_credit ?? 0
  const closing_credit = lines.reduce((sum, { amount_credit }) => sum + amount_credit, opening_credit)
  await accounts.update(tx, customer_id, account_id, { invoiced_period: period })
  return invoices.insert(tx, { customer_id, account_id, period, opening_credit, closing_credit, lines })
}

async function linesOf(tx: Tx, { customer_id, id }: AccountRow, period: string): Promise<Invoice['lines']> {
  const kind = ['transaction_type', 'reference_type', 'cost_type'] as const
  const rows = await billings
    .select(tx, customer_id)
    .select([...kind])
    .select(({ fn }) => [
      fn.countAll().as('count'),
      fn.sum('billable_units').as('billable_units'),
      fn.sum('amount_token').as('amount_token'),
      fn.sum('amount_credit').as('amount_credit'),
    ])
    .where('account_id', '=', id)
    .where('tm_posted', '>=', startOf(period))
    .where('tm_posted', '<', startOf(periodAfter(period)))
    .groupBy([...kind])
    .orderBy('transaction_type')
    .orderBy('reference_type')
    .orderBy('cost_type')
    .execute()
  return rows.map((row) => ({
    ...(row as Pick<Invoice['lines'][number], (typeof kind)[number]>),
    count: Number(row.count),
    billable_units: Number(row.billable_units),
    amount_token: Number(row.amount_token),
    amount_credit: Number(row.amount_credit),
  }))
}

export function invoiceHandlers({
  store,
  files,
  fileSigner,
}: Pick<Resources<typeof billingContract>, 'store' | 'files' | 'fileSigner'>): Handlers<
  typeof billingContract
>['invoice'] {
  return {
    list: (query, { customer_id }) => invoices.page(store, customer_id, query),

    async get({ id }, { scope, fail }) {
      const invoice = await invoices.find(store, scope, id)
      if (!invoice) throw fail('INVOICE_NOT_FOUND')
      return invoice
    },

    async file({ id }, { scope, fail }) {
      const invoice = await invoices.find(store, scope, id)
      if (!invoice) throw fail('INVOICE_NOT_FOUND')
      const key = `invoices/${invoice.id}.pdf`
      if (!(await files.stat(key))) {
        await files.put(key, await invoicePdf(invoice, await accountNameOf(store, invoice)), {
          contentType: 'application/pdf',
        })
      }
      const options = { expiresSeconds, filename: `invoice-${invoice.period}.pdf` }
      return { location: (await files.signedUrl(key, options)) ?? fileSigner.url(key, options) }
    },
  }
}

const accountNameOf = async (store: Store, { customer_id, account_id }: Invoice): Promise<string> =>
  (await accounts.find(store, customer_id, account_id))?.name ?? ''
