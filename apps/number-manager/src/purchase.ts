import { ApiError, internalIdentity, type Scope } from '@sidetone/contract'
import { RetryAt } from '@sidetone/jobs'
import { ProviderRefused } from '@sidetone/outbound'
import { billingContract } from '@sidetone/proto-schemas/billing'
import type { PhoneNumber } from '@sidetone/proto-schemas/number'
import { DuplicateError, newId, type Tx, timeAfter } from '@sidetone/store'
import type { Core, NumberRow } from './core.ts'
import { type NumberProvider, ProviderUnavailable } from './providers/provider.ts'

const jobType = 'number.give_back'
/** Longer than any purchase takes: one that has neither succeeded nor failed by then is undone. */
const undoAfterMs = 600_000

type Features = Pick<PhoneNumber, 't38_enabled' | 'emergency_enabled'>

/** What was bought, or may have been, and is to go back. */
interface GivenBack {
  id: string
  customer_id: string
  provider_name: NumberProvider['name']
  /** Under which money may still be held for it. */
  held: { reference_type: 'number' | 'number_renew'; reference_id: string }
}

const keyOf = (id: string): string => `give_back:${id}`

/** The job that gives numbers back to whom they were bought from, and frees the money that was held for them. */
export function defineGiveBack(core: Core): void {
  core.jobs.define<GivenBack>(jobType, {
    maxAttempts: 1_000,
    backoff: (attempt) => Math.min(2 ** attempt * 1_000, 3_600_000),
    concurrency: 2,
    timeoutMs: 120_000,
    async handler({ id, customer_id, provider_name, held }) {
      if (await core.numbers.find(core.store, customer_id, id)) return
      const provider = core.providers[provider_name]
      if (!provider) throw new Error(`the settings of ${provider_name} are needed to give a number back`)
      await provider.release(id).catch((error: unknown) => {
        const waitMs = error instanceof ProviderUnavailable ? error.retryAfterMs : undefined
        throw waitMs === undefined ? error : new RetryAt(new Date(Date.now() + waitMs))
      })
      await releaseMoney(core, customer_id, held)
    },
  })
}

/** Frees money that is held; none is as good. */
export async function releaseMoney({ client }: Core, customer_id: string, held: GivenBack['held']): Promise<void> {
  await client(billingContract)
    .reservation.release(held, { identity: internalIdentity(customer_id) })
    .catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 'NOT_FOUND')) throw error
    })
}

/** Takes a number from its customer; undefined when it is not there. */
export async function removeNumber(core: Core, tx: Tx, scope: Scope, id: string): Promise<NumberRow | undefined> {
  const { numbers, emit } = core
  await numbers.update(tx, scope, id, { status: 'deleted', active_number: null })
  const number = await numbers.softDelete(tx, scope, id)
  if (!number) return undefined
  await emit(tx, 'number', 'deleted', number)
  await giveBack(core, tx, number)
  return number
}

/** Lets a number that is being deleted go back, once this is committed; one that was not bought stays where it is. */
export async function giveBack({ jobs }: Core, tx: Tx, number: NumberRow): Promise<void> {
  const { id, customer_id, provider_name, renewal_id } = number
  if (provider_name === '' || renewal_id === null) return
  const held = { reference_type: 'number_renew' as const, reference_id: renewal_id }
  await jobs.enqueue(tx, jobType, { id, customer_id, provider_name, held } satisfies GivenBack, { key: keyOf(id) })
}

/**
 * Pays for a number and buys it; `keep` makes it the customer's. The job that undoes the purchase is there before it begins
 * and goes with its success, so that a crash leaves neither a number nor money behind.
 */
export async function purchase(
  core: Core,
  provider: NumberProvider,
  { customer_id, number }: Pick<PhoneNumber, 'customer_id' | 'number'>,
  keep: (tx: Tx, id: string, features: Features) => Promise<NumberRow>,
): Promise<NumberRow> {
  const { store, jobs, client } = core
  const id = newId()
  const held = { reference_type: 'number' as const, reference_id: id }
  const undo: GivenBack = { id, customer_id, provider_name: provider.name, held }
  const undoAt = (runAt: string) =>
    store.transaction((tx) => jobs.enqueue(tx, jobType, undo, { runAt, key: keyOf(id) }))

  await undoAt(timeAfter(undoAfterMs))
  try {
    await client(billingContract).reservation.create(
      { ...held, destination: number },
      { identity: internalIdentity(customer_id) },
    )
    const features = await provider.buy(number, id)
    return await store.transaction(async (tx) => {
      await jobs.cancel(tx, keyOf(id))
      return keep(tx, id, features)
    })
  } catch (error) {
    if (isSettled(error)) await undoAt(timeAfter(0))
    throw error
  }
}

/** Nothing more can come about. Otherwise what was begun may still be bought or held, and is looked for later. */
const isSettled = (error: unknown): boolean =>
  error instanceof ProviderRefused ||
  error instanceof DuplicateError ||
  (error instanceof ApiError && error.status === 'PAYMENT_REQUIRED')
