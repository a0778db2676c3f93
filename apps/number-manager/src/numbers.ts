import { ApiError, everyCustomer, type Handlers } from '@sidetone/contract'
import { crud, takeRoom } from '@sidetone/manager'
import { ProviderRefused } from '@sidetone/outbound'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { isVirtualNumber, type numberContract } from '@sidetone/proto-schemas/number'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { DuplicateError, now, type Tx } from '@sidetone/store'
import type { Core, NumberRow } from './core.ts'
import { checkCustomer, checkFlows, checkIdentity } from './owner.ts'
import { bestPattern } from './patterns.ts'
import { ProviderUnavailable } from './providers/provider.ts'
import { purchase, removeNumber } from './purchase.ts'
import { renewAll } from './renew.ts'
import { freeVirtualNumbers } from './virtual-numbers.ts'

type NumberHandlers = Handlers<typeof numberContract>

/** A part of the answer's time is left for the answer itself. */
const answerMs = 2_000

const newNumber = {
  status: 'active' as const,
  type: 'normal' as const,
  t38_enabled: false,
  emergency_enabled: false,
  metadata: { rtp_debug: false },
  provider_name: '' as const,
  tm_renew: null,
  renewal_id: null,
}

/** The operations on numbers. */
export function numberHandlers(core: Core): Pick<NumberHandlers, 'number' | 'available_number'> {
  const { store, emit, numbers, providers, settings, log } = core
  const kept = crud({
    store,
    table: numbers,
    notFound: 'NUMBER_NOT_FOUND',
    announce: (tx, event, row) => emit(tx, 'number', event, row),
  })
  const active = (number: string) => numbers.findBy(store, everyCustomer, { active_number: number })
  const fresh = (number: string) => ({ ...newNumber, number, active_number: number, tm_purchase: now() })

  function providerOrFail(fail: (reason: 'NUMBER_PROVIDER_NOT_CONFIGURED') => ApiError) {
    const { NUMBER_PROVIDER: name } = settings
    const provider = name === 'none' || name === 'open' ? undefined : providers[name]
    if (!provider) throw fail('NUMBER_PROVIDER_NOT_CONFIGURED')
    return provider
  }

  const taken =
    (fail: (reason: 'NUMBER_ALREADY_EXISTS') => ApiError) =>
    (error: unknown): never => {
      throw error instanceof DuplicateError ? fail('NUMBER_ALREADY_EXISTS') : error
    }

  return {
    available_number: {
      async search({ page_size, country_code, type }, { fail }) {
        if (type === 'virtual') return { result: await freeVirtualNumbers(core, page_size) }
        const provider = providerOrFail(fail)
        const found = await provider.search(country_code!, page_size).catch((err: unknown) => {
          if (err instanceof ProviderRefused) return []
          log.warn({ err }, 'numbers could not be searched for')
          throw err instanceof ProviderUnavailable ? fail('NUMBER_PROVIDER_UNAVAILABLE') : err
        })
        return { result: found }
      },
    },

    number: {
      ...kept,

      async create({ number, type, ...fields }, context) {
        const { customer_id, fail } = context
        await checkFlows(core, customer_id, fields, fail)
        const add = (check?: (tx: Tx) => Promise<void>) =>
          kept.create({ ...fresh(number), ...fields, type }, context, check).catch(taken(fail))
        if (type === 'virtual') {
          const limit = await planLimit(core.client(billingContract), customer_id, 'virtual_number')
          return add((tx) => takeRoom(tx, numbers, { customer_id, limit, where: { type }, fail }))
        }
        await checkIdentity(core, customer_id, fail)
        if (settings.NUMBER_PROVIDER === 'open') return add()
        const provider = providerOrFail(fail)
        if (await active(number)) throw fail('NUMBER_ALREADY_EXISTS')
        return purchase(core, provider, { customer_id, number }, async (tx, id, features) => {
          const bought = { ...fresh(number), ...fields, ...features, id, customer_id, provider_name: provider.name }
          const row = await numbers.insert(tx, { ...bought, tm_renew: bought.tm_purchase, renewal_id: id })
          await emit(tx, 'number', 'created', row)
          return row
        }).catch((err: unknown) => {
          if (err instanceof DuplicateError) throw fail('NUMBER_ALREADY_EXISTS')
          // A customer without an account cannot pay either.
          const cannotPay = err instanceof ApiError && (err.status === 'PAYMENT_REQUIRED' || err.status === 'NOT_FOUND')
          if (cannotPay) throw fail('BALANCE_INSUFFICIENT')
          log.warn({ err, customer_id }, 'a number could not be bought')
          if (err instanceof ProviderRefused) throw fail('NUMBER_NOT_AVAILABLE')
          throw err instanceof ProviderUnavailable ? fail('NUMBER_PROVIDER_UNAVAILABLE') : err
        })
      },

      async register({ customer_id, number, ...fields }, { fail }) {
        await checkCustomer(core, customer_id, fail)
        await checkFlows(core, customer_id, fields, fail)
        return kept.create({ ...fresh(number), ...fields }, { customer_id }).catch(taken(fail))
      },

      async update(input, context) {
        const { customer_id } = await kept.get(input, context)
        await checkFlows(core, customer_id, input, context.fail)
        return kept.update(input, context)
      },

      async update_flow_ids(input, context) {
        const { customer_id } = await kept.get(input, context)
        await checkFlows(core, customer_id, input, context.fail)
        return kept.update(input, context)
      },

      update_metadata: ({ id, rtp_debug }, context) => kept.update({ id, metadata: { rtp_debug } }, context),

      delete: ({ id }, { scope, fail }) =>
        store.transaction(async (tx) => {
          const number = await removeNumber(core, tx, scope, id)
          if (!number) throw fail('NUMBER_NOT_FOUND')
          return number
        }),

      renew: ({ tm_renew }, { deadline }) =>
        renewAll(core, {
          before: new Date(tm_renew).toISOString(),
          isDue: () => true,
          isOver: () => Date.now() > deadline - answerMs,
        }),

      async lookup({ number }, { fail }) {
        const found = (await active(number)) ?? (isVirtualNumber(number) ? undefined : await ofPattern(number))
        if (!found) throw fail('NUMBER_NOT_FOUND')
        return found
      },
    },
  }

  async function ofPattern(number: string): Promise<NumberRow | undefined> {
    const pattern = await bestPattern(core, number)
    return pattern && { ...pattern, ...newNumber, number, active_number: number, tm_purchase: null }
  }
}
