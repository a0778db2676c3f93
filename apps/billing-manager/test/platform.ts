import { randomUUID } from 'node:crypto'
import { internalIdentity, nilId, permissionBits } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import type { Call } from '@sidetone/proto-schemas/call'
import { emptyAddress } from '@sidetone/proto-schemas/common'
import { newId, now, timeAfter } from '@sidetone/store'
import { adminOf, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { billingManager } from '../src/manager.ts'
import { tables } from '../src/tables.ts'

export const operator = { ...adminOf(nilId), permission: permissionBits.project_super_admin }

/** The billing manager on a platform of its own. */
export const startBilling = (
  options: Omit<Parameters<typeof startTestPlatform>[0], 'managers'>,
): Promise<TestPlatform> => startTestPlatform({ managers: [billingManager], ...options })

/** A customer whose account holds so many US dollars. */
export async function customerWith(app: TestPlatform, usd: number) {
  const customer_id = randomUUID()
  const own = app.as(billingContract, adminOf(customer_id))
  const platform = app.as(billingContract, internalIdentity(customer_id)).reservation
  const account = await own.billing_account.own({})
  const operators = app.as(billingContract, operator)
  if (usd > 0) await operators.billing_account.balance_add_force({ id: account.id, balance: usd })
  return { customer_id, account_id: account.id, own, reservation: platform, operators }
}

/** Announces something that other managers tell. */
export const announce = (
  app: TestPlatform,
  type: string,
  data: { id: string; customer_id: string; [field: string]: unknown },
): Promise<void> =>
  app.platform.transport.publish({
    id: newId(),
    type,
    publisher: 'test',
    customer_id: data.customer_id,
    owner_id: nilId,
    resource: type.slice(0, type.lastIndexOf('_')),
    resource_id: data.id,
    sequence: 1,
    time: now(),
    data,
  })

const tel = (target: string): Call['source'] => ({ ...emptyAddress, type: 'tel', target })

/** A call to +44… that was answered for so many seconds, or (null) never. */
export function hungUpCall({ id = newId(), customer_id = newId(), seconds = 60 as number | null } = {}) {
  return {
    id,
    customer_id,
    source: tel('+15550100000'),
    destination: tel('+442071838750'),
    direction: 'outgoing' as const,
    tm_progressing: seconds === null ? null : timeAfter(-seconds * 1_000),
    tm_hangup: timeAfter(0),
  }
}

/** What the books of an account say, unless they do not balance. */
export async function auditedBalance(app: TestPlatform, customer_id: string) {
  const { store } = app.platform
  const row = await store.kysely
    .selectFrom(tables.accounts.name)
    .selectAll()
    .where('customer_id', '=', customer_id)
    .executeTakeFirstOrThrow()
  const account = tables.accounts.decode(row)
  const postings = await tables.postings.list(store, customer_id, { limit: 10_000 })
  const sums = Map.groupBy(postings, ({ billing_id, unit }) => `${billing_id} ${unit}`)
  for (const [entry, sides] of sums) {
    const sum = sides.reduce((total, { amount }) => total + amount, 0)
    if (sum !== 0) throw new Error(`${entry} is out of balance by ${sum}`)
  }
  const posted = (unit: string) =>
    postings
      .filter((posting) => posting.ledger === 'customer' && posting.unit === unit)
      .reduce((total, { amount }) => total + amount, 0)
  if (posted('credit') !== account.balance_credit) throw new Error('the credit is not what was posted')
  if (posted('token') !== account.balance_token) throw new Error('the tokens are not what was posted')
  const billings = await tables.billings.list(store, customer_id, { limit: 10_000 })
  for (const unit of ['credit', 'token'] as const) {
    const charged = billings.reduce((total, billing) => total + billing[`amount_${unit}`], 0)
    if (charged !== account[`balance_${unit}`]) throw new Error(`the ${unit} is not what was charged`)
  }
  const held = await tables.billings.list(store, customer_id, { where: { status: 'progressing' }, limit: 10_000 })
  for (const unit of ['reserved_credit', 'reserved_token'] as const) {
    if (held.reduce((total, billing) => total + billing[unit], 0) !== account[unit]) throw new Error(`${unit} is wrong`)
  }
  const { balance_credit, balance_token, reserved_credit, reserved_token } = account
  return { balance_credit, balance_token, reserved_credit, reserved_token }
}
