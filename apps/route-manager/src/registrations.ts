import { everyCustomer, internalIdentity } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { asteriskContract } from '@sidetone/proto-schemas/asterisk'
import { carrierEndpoint, type Provider, type routeContract } from '@sidetone/proto-schemas/route'
import { type ResourceTable, type Tx, timeAfter } from '@sidetone/store'

interface Options extends Pick<Resources<typeof routeContract>, 'store' | 'jobs' | 'client' | 'log'> {
  providers: ResourceTable<Provider>
}

type State = Pick<Provider, 'registration_status' | 'registration_detail'>

/** What a carrier is that we are not registered with. */
export const unregistered = { register: false, registration_status: 'off', registration_detail: '' } as const

/** A node that was started anew knows of no registration: within this it is told again. */
const intervalMs = 30_000
/** Until the carrier has answered. */
const impatientMs = 2_000
const expiration = '600'

/** Has the RTC node register with the carriers that want it, and keeps what became of that: one job row per carrier, which plans the next. */
export function keepRegistered({ store, jobs, client, log, providers }: Options) {
  const { ari } = client(asteriskContract)
  const platform = { identity: internalIdentity() }
  const keyOf = (id: string) => `register:${id}`
  const pathOf = (type: 'auth' | 'registration', id: string) =>
    `asterisk/config/dynamic/${type === 'auth' ? 'res_pjsip' : 'res_pjsip_outbound_registration'}/${type}/${carrierEndpoint(id)}`

  async function push(type: 'auth' | 'registration', id: string, values: Record<string, string>): Promise<void> {
    const fields = Object.entries(values).map(([attribute, value]) => ({ attribute, value }))
    const { status } = await ari.request({ method: 'PUT', path: pathOf(type, id), body: { fields } }, platform)
    if (status !== 200) throw new Error(`the node refused the ${type} with status ${status}`)
  }

  /** Repeating it changes nothing at a node that knows all of it. */
  async function registerWith({ id, hostname, username, password }: Provider): Promise<State> {
    const auth = { auth_type: 'digest', username, password, supported_algorithms_uac: 'MD5,SHA-256' }
    await push('auth', id, auth)
    const [host] = hostname.split(';', 1)
    await push('registration', id, {
      server_uri: `sip:${hostname}`,
      client_uri: `sip:${encodeURIComponent(username)}@${host}`,
      // Calls to it are for the carrier's customers, so it is not one that somebody would dial.
      contact_user: `s${id.replaceAll('-', '')}`,
      outbound_auth: carrierEndpoint(id),
      expiration,
    })
    const { body } = await ari.request({ method: 'GET', path: pathOf('registration', id) }, platform)
    const said = new Map(
      (body as { attribute: string; value: string }[]).map(({ attribute, value }) => [attribute, value]),
    )
    const known = ['registering', 'registered', 'rejected', 'unreachable'] as const
    // A real Asterisk tells nothing.
    const registration_status = known.find((one) => one === said.get('status')) ?? 'unknown'
    return { registration_status, registration_detail: (said.get('status_detail') ?? '').slice(0, 255) }
  }

  jobs.define<{ id: string }>('route.register', {
    maxAttempts: Number.POSITIVE_INFINITY,
    backoff: () => intervalMs,
    concurrency: 16,
    timeoutMs: 30_000,
    async handler({ id }) {
      const asked = await providers.find(store, everyCustomer, id)
      if (!asked?.register) {
        await ari.request({ method: 'DELETE', path: pathOf('registration', id) }, platform)
        return
      }
      const state = await registerWith(asked).catch((err: unknown): State => {
        log.warn({ err, provider_id: id }, 'the RTC node could not be told to register with a carrier')
        return { registration_status: 'unknown', registration_detail: 'the RTC node cannot be reached' }
      })
      await store.transaction(async (tx) => {
        const provider = await providers.findLocked(tx, everyCustomer, id)
        if (!provider?.register) return
        if (provider.registration_status !== state.registration_status) tell(tx, provider, state)
        await tx.kysely.updateTable(providers.name).set(state).where('id', '=', id).execute()
        const waitMs = state.registration_status === 'registering' ? impatientMs : intervalMs
        await jobs.enqueue(tx, 'route.register', { id }, { key: keyOf(id), runAt: timeAfter(waitMs) })
      })
    },
  })

  function tell(tx: Tx, { id, hostname }: Provider, { registration_status, registration_detail }: State): void {
    const about = { provider_id: id, hostname, registration_status, registration_detail }
    const failed = registration_status === 'rejected' || registration_status === 'unreachable'
    tx.afterCommit(() => {
      if (failed) log.warn(about, 'a carrier does not let us register')
      else log.info(about, 'the registration with a carrier changed')
    })
  }

  return {
    /** What is wanted of a carrier may have changed. */
    async lookSoon(tx: Tx, id: string): Promise<void> {
      await jobs.enqueue(tx, 'route.register', { id }, { key: keyOf(id) })
    },
  }
}
