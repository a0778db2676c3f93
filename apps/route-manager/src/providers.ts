import { type ApiError, type ErrorOverrides, type Handlers, nilId } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import { OutboundRefused } from '@sidetone/outbound'
import type { Provider, routeContract } from '@sidetone/proto-schemas/route'
import type { ResourceTable } from '@sidetone/store'
import type { watchHealth } from './health.ts'
import { placeOf } from './sip-options.ts'

type ProviderHandlers = Handlers<typeof routeContract>['provider']
type Fail = (reason: 'HOSTNAME_REFUSED', overrides: ErrorOverrides) => ApiError

interface Options extends Pick<Resources<typeof routeContract>, 'store' | 'emit' | 'outbound'> {
  providers: ResourceTable<Provider>
  health: ReturnType<typeof watchHealth>
}

/** What a carrier is before anybody asked it or set it up. */
export const newProvider = { health_status: 'unknown', health_checked_at: null } as const

export function providerHandlers({
  store,
  emit,
  outbound,
  providers,
  health,
}: Options): Omit<ProviderHandlers, 'setup'> {
  const kept = crud({
    store,
    table: providers,
    notFound: 'PROVIDER_NOT_FOUND',
    async announce(tx, event, provider) {
      await emit(tx, 'provider', event, provider)
      if (event !== 'deleted') await health.askSoon(tx, provider.id)
    },
  })

  /** A carrier inside our own networks would be a way around, or a circle. A name without an address may get one yet. */
  async function checkHostname(hostname: string, fail: Fail): Promise<void> {
    await outbound.addressOf(placeOf(hostname).host).catch((cause: Error) => {
      if (!(cause instanceof OutboundRefused)) return
      const problem = cause.message
      throw fail('HOSTNAME_REFUSED', {
        message: `hostname: ${problem}`,
        details: [{ field: 'hostname', problem }],
        cause,
      })
    })
  }

  return {
    ...kept,

    list: (query) => kept.list(query, { customer_id: nilId }),

    async create({ username = '', password = '', ...fields }, { fail }) {
      await checkHostname(fields.hostname, fail)
      return kept.create({ ...fields, username, password, metadata: {}, ...newProvider }, { customer_id: nilId })
    },

    async update({ username, password, ...fields }, context) {
      const { hostname } = await kept.get(fields, context)
      await checkHostname(fields.hostname, context.fail)
      const moved = hostname !== fields.hostname
      return kept.update(
        {
          ...fields,
          ...(username !== undefined && { username }),
          ...(password !== undefined && { password }),
          ...(moved && newProvider),
        },
        context,
      )
    },
  }
}
