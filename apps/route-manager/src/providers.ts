import { type ApiError, type ErrorOverrides, type Handlers, nilId } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import { OutboundRefused } from '@sidetone/outbound'
import type { Provider, routeContract } from '@sidetone/proto-schemas/route'
import type { ResourceTable } from '@sidetone/store'
import type { watchHealth } from './health.ts'
import { type keepRegistered, unregistered } from './registrations.ts'
import { placeOf } from './sip-options.ts'

type ProviderHandlers = Handlers<typeof routeContract>['provider']
type Fail = (reason: 'HOSTNAME_REFUSED', overrides: ErrorOverrides) => ApiError

interface Options extends Pick<Resources<typeof routeContract>, 'store' | 'emit' | 'outbound'> {
  providers: ResourceTable<Provider>
  health: ReturnType<typeof watchHealth>
  registrations: ReturnType<typeof keepRegistered>
}

/** What a carrier is before anybody asked it or set it up. */
export const newProvider = { health_status: 'unknown', health_checked_at: null } as const

/** How it begins, or ends; the job goes on from there. */
const registering = (register: boolean) =>
  register ? ({ register, registration_status: 'registering', registration_detail: '' } as const) : unregistered

const usernameRequired = (fail: (reason: 'USERNAME_REQUIRED', overrides: ErrorOverrides) => ApiError) =>
  fail('USERNAME_REQUIRED', { details: [{ field: 'username', problem: 'is needed to register' }] })

export function providerHandlers({
  store,
  emit,
  outbound,
  providers,
  health,
  registrations,
}: Options): Omit<ProviderHandlers, 'setup'> {
  const kept = crud({
    store,
    table: providers,
    notFound: 'PROVIDER_NOT_FOUND',
    async announce(tx, event, provider) {
      await emit(tx, 'provider', event, provider)
      if (event !== 'deleted') await health.askSoon(tx, provider.id)
      if (event !== 'created' || provider.register) await registrations.lookSoon(tx, provider.id)
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

    async create({ username = '', password = '', register = false, ...fields }, { fail }) {
      await checkHostname(fields.hostname, fail)
      if (register && username === '') throw usernameRequired(fail)
      return kept.create(
        { ...fields, username, password, metadata: {}, ...newProvider, ...registering(register) },
        { customer_id: nilId },
      )
    },

    async update({ username, password, register, ...fields }, context) {
      const { hostname, ...before } = await kept.get(fields, context)
      const registers = register ?? before.register
      if (registers && (username ?? before.username) === '') throw usernameRequired(context.fail)
      await checkHostname(fields.hostname, context.fail)
      const moved = hostname !== fields.hostname
      return kept.update(
        {
          ...fields,
          ...(username !== undefined && { username }),
          ...(password !== undefined && { password }),
          ...(moved && newProvider),
          ...registering(registers),
        },
        context,
      )
    },
  }
}
