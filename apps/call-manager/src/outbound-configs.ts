import { type Handlers, internalIdentity, nilId, type OperationContext } from '@sidetone/contract'
import type { callContract } from '@sidetone/proto-schemas/call'
import type { OutboundConfig } from '@sidetone/proto-schemas/outbound-config'
import { isSupportedCountry } from 'libphonenumber-js'
import { orUndefined } from './addresses.ts'
import type { Core } from './core.ts'

type OutboundConfigHandlers = Handlers<typeof callContract>['outbound_config']
type Changes = Parameters<OutboundConfigHandlers['update_own']>[0]
type Fail = OperationContext<'COUNTRY_INVALID' | 'SOURCE_NUMBER_INVALID'>['fail']

const empty = {
  name: '',
  detail: '',
  destination_whitelist: [],
  codecs: '',
  default_outgoing_source_number_id: nilId,
}

export function outboundConfigHandlers(core: Core): OutboundConfigHandlers {
  const { store, outboundConfigs } = core

  /** What is to change, checked; null means unchanged. */
  async function checked(changes: Changes, customer_id: string, fail: Fail): Promise<Partial<OutboundConfig>> {
    const given = Object.entries(changes).filter(([, value]) => value !== null && value !== undefined)
    const patch = Object.fromEntries(given) as Partial<OutboundConfig>
    const unknown = patch.destination_whitelist?.find((country) => !isSupportedCountry(country.toUpperCase()))
    if (unknown) throw fail('COUNTRY_INVALID', { message: `destination_whitelist: there is no country ${unknown}.` })
    const number = patch.default_outgoing_source_number_id ?? nilId
    if (number !== nilId && !(await canShow(core, customer_id, number))) throw fail('SOURCE_NUMBER_INVALID')
    return patch
  }

  const insert = (customer_id: string, patch: Partial<OutboundConfig>) =>
    store.transaction(async (tx) => {
      const row = await outboundConfigs.insert(tx, { ...empty, ...patch, customer_id })
      await core.emit(tx, 'outbound_config', 'created', row)
      return row
    })

  const change = (id: string, patch: Partial<OutboundConfig>) =>
    store.transaction(async (tx) => {
      const row = await outboundConfigs.update(tx, '*', id, patch)
      if (row) await core.emit(tx, 'outbound_config', 'updated', row)
      return row
    })

  const ownOf = (customer_id: string) => outboundConfigs.findBy(store, customer_id, {})

  return {
    async own(_, { customer_id, fail }) {
      const own = await ownOf(customer_id)
      if (!own) throw fail('OUTBOUND_CONFIG_NOT_FOUND')
      return own
    },

    async update_own(changes, { customer_id, fail }) {
      const patch = await checked(changes, customer_id, fail)
      const own = await ownOf(customer_id)
      return (own && (await change(own.id, patch))) ?? insert(customer_id, patch)
    },

    list: ({ customer_id, ...query }) => outboundConfigs.page(store, customer_id ?? '*', query),

    async create({ customer_id: named, ...changes }, { customer_id: own, fail }) {
      const customer_id = named ?? own
      const patch = await checked(changes, customer_id, fail)
      if (await ownOf(customer_id)) throw fail('OUTBOUND_CONFIG_ALREADY_EXISTS')
      return insert(customer_id, patch)
    },

    async get({ id }, { scope, fail }) {
      const config = await outboundConfigs.find(store, scope, id)
      if (!config) throw fail('OUTBOUND_CONFIG_NOT_FOUND')
      return config
    },

    async update({ id, ...changes }, { scope, fail }) {
      const config = await outboundConfigs.find(store, scope, id)
      const updated = config && (await change(id, await checked(changes, config.customer_id, fail)))
      if (!updated) throw fail('OUTBOUND_CONFIG_NOT_FOUND')
      return updated
    },

    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        const deleted = await outboundConfigs.softDelete(tx, scope, id)
        if (!deleted) throw fail('OUTBOUND_CONFIG_NOT_FOUND')
        await core.emit(tx, 'outbound_config', 'deleted', deleted)
        return deleted
      }),
  }
}

async function canShow(core: Core, customer_id: string, id: string): Promise<boolean> {
  const identity = internalIdentity(customer_id)
  const number = await orUndefined(core.managers.number.number.get({ id }, { identity }))
  return number?.status === 'active' && number.type === 'normal'
}
