import { randomBytes } from 'node:crypto'
import { everyCustomer, type Handlers, nilId } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { ProviderRefused } from '@sidetone/outbound'
import type { Provider, routeContract } from '@sidetone/proto-schemas/route'
import { newId, type ResourceTable, timeAfter } from '@sidetone/store'
import type { watchHealth } from './health.ts'
import { newProvider } from './providers.ts'
import { unregistered } from './registrations.ts'
import type { RouteSettings } from './settings.ts'
import { createTelnyx } from './telnyx.ts'

type Setup = Handlers<typeof routeContract>['provider']['setup']

interface Options extends Pick<Resources<typeof routeContract>, 'store' | 'jobs' | 'emit' | 'outbound' | 'secrets'> {
  settings: RouteSettings
  providers: ResourceTable<Provider>
  health: ReturnType<typeof watchHealth>
}

/** What is made at the carrier before the provider is stored; taken back unless that happens. */
interface Undo {
  id: string
  label: string
  api_key: string
}

/** Longer than all requests of a set-up together. */
const undoAfterMs = 90_000

/** `POST /providers/setup`. A job that takes everything back is there first, so nothing is left at the carrier after a crash. */
export function providerSetup({ store, jobs, emit, outbound, secrets, settings, providers, health }: Options): Setup {
  const keyOf = (id: string) => `undo:${id}`

  jobs.define<Undo>('route.setup_undo', {
    maxAttempts: 8,
    backoff: (attempt) => 5_000 * 2 ** attempt,
    concurrency: 2,
    timeoutMs: 60_000,
    async handler({ id, label, api_key }) {
      if (await providers.find(store, everyCustomer, id)) return
      const telnyx = createTelnyx(outbound, settings.TELNYX_URL, secrets.decrypt(api_key, keyOf(id)))
      await telnyx.disconnect(label).catch((error: unknown) => {
        // Whoever may not look cannot have made anything.
        if (!isUnauthorized(error)) throw error
      })
    },
  })

  return async ({ name, detail, credentials }, { fail }) => {
    const domain = settings.SIP_DOMAIN
    if (domain === undefined) throw fail('SIP_DOMAIN_NOT_SET')
    const id = newId()
    const label = `sidetone-${id}`
    const username = `sidetone${randomBytes(8).toString('hex')}`
    const password = randomBytes(16).toString('hex')
    const undo: Undo = { id, label, api_key: secrets.encrypt(credentials.api_key, keyOf(id)) }
    const options = { key: keyOf(id), runAt: timeAfter(undoAfterMs) }
    await store.transaction((tx) => jobs.enqueue(tx, 'route.setup_undo', undo, options))
    try {
      const telnyx = createTelnyx(outbound, settings.TELNYX_URL, credentials.api_key)
      const metadata = await telnyx.connect({ label, username, password, domain })
      return await store.transaction(async (tx) => {
        await jobs.cancel(tx, keyOf(id))
        const provider = await providers.insert(tx, {
          id,
          customer_id: nilId,
          type: 'sip',
          hostname: 'sip.telnyx.com',
          tech_prefix: '',
          tech_postfix: '',
          tech_headers: {},
          metadata,
          name,
          detail,
          codecs: '',
          username,
          password,
          ...newProvider,
          ...unregistered,
        })
        await emit(tx, 'provider', 'created', provider)
        await health.askSoon(tx, id)
        return provider
      })
    } catch (cause) {
      await store.transaction((tx) => jobs.enqueue(tx, 'route.setup_undo', undo, { key: keyOf(id) }))
      const { message } = cause as Error
      if (isUnauthorized(cause)) throw fail('CARRIER_CREDENTIALS_INVALID', { cause })
      if (cause instanceof ProviderRefused && cause.status < 500 && cause.status !== 429)
        throw fail('CARRIER_REFUSED', { message: `The carrier refused the set-up: ${message}`, cause })
      throw fail('CARRIER_UNAVAILABLE', { cause })
    }
  }
}

const isUnauthorized = (error: unknown): boolean =>
  error instanceof ProviderRefused && (error.status === 401 || error.status === 403)
