import { Worker } from 'node:worker_threads'
import { type SoftswitchSettings, softswitchConfig } from './config.ts'
import type { Changed, FromWorker, Metrics, Registration, ToWorker, WorkerInput } from './protocol.ts'
import type { Account, Who } from './sip/authenticate.ts'

export { ha1 } from './sip/digest.ts'
export type { Account, Metrics, Registration, SoftswitchSettings, Who }

export interface SoftswitchOptions extends SoftswitchSettings {
  /** Finds an extension or a trunk by what a request names, or by where it comes from; `null` when there is none. */
  lookup(who: Who): Promise<Account | null>
  /** Each change of a contact, to be kept and given back as `registrations` at the next start. */
  onRegistration?: ((registration: Registration) => void) | undefined
  registrations?: Registration[] | undefined
  /** The worker died: its calls are gone, and so is the switch. */
  onError?: ((error: Error) => void) | undefined
  log?: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void> | undefined
}

export interface Softswitch {
  readonly sipPort: number
  /** Of SIP over TLS; `undefined` when that is off. */
  readonly sipTlsPort: number | undefined
  /** Of SIP over WebSocket; `undefined` when that is off. */
  readonly sipWsPort: number | undefined
  /** `http://127.0.0.1:<port>/ari` */
  readonly ariUrl: string
  readonly ariUser: string
  readonly ariPassword: string
  metrics(): Promise<Metrics>
  /** What is remembered of accounts ends; those that are gone lose their registrations. Their calls are not the switch's to end. */
  accountsChanged(changed?: Changed): void
  /** Ends every call with a BYE; registrations stay. */
  close(): Promise<void>
}

/** What the switch needs, of a row that may hold more. */
const onlyAccount = ({ username, customer_id, ha1_md5, ha1_sha256 }: Account): Account => ({
  username,
  customer_id,
  ha1_md5,
  ha1_sha256,
})

const CLOSE_TIMEOUT_MS = 5000
/** Each packet is a few objects that live for a moment: cleared away often and quickly, rather than 16 MB of them in 20 ms, a tick. */
const YOUNG_GENERATION_MB = 6

/** Starts the switch in a worker thread of its own, so that media never waits for HTTP or a database. */
export async function startSoftswitch(options: SoftswitchOptions): Promise<Softswitch> {
  const { lookup, onRegistration, registrations = [], onError, log, ...settings } = options
  const config = softswitchConfig.parse(settings)
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { config, registrations } satisfies WorkerInput,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  })
  const send = (message: ToWorker) => worker.postMessage(message)
  const ready = Promise.withResolvers<Extract<FromWorker, { type: 'ready' }>>()
  const exited = Promise.withResolvers<void>()
  const waiting = new Map<number, (metrics: Metrics) => void>()
  let lastId = 0
  let state: 'starting' | 'ready' | 'closing' = 'starting'

  worker.on('message', (message: FromWorker) => {
    switch (message.type) {
      case 'ready':
        state = 'ready'
        return ready.resolve(message)
      case 'lookup': {
        const { id, who } = message
        lookup(who).then(
          (account) => send({ type: 'account', id, account: account && onlyAccount(account) }),
          (error: Error) => send({ type: 'account', id, account: null, error: error.message }),
        )
        return
      }
      case 'registration':
        return onRegistration?.(message.registration)
      case 'metrics':
        waiting.get(message.id)?.(message.metrics)
        waiting.delete(message.id)
        return
      case 'log':
        return log?.[message.level](message.fields, message.message)
    }
  })
  const died = (error: Error) => {
    if (state === 'starting') ready.reject(error)
    else if (state === 'ready') onError?.(error)
    state = 'closing'
  }
  worker.on('error', (error) => died(error as Error))
  worker.on('exit', (code) => {
    died(new Error(`the softswitch worker ended with code ${code}`))
    exited.resolve()
  })

  const { sipPort, sipTlsPort, sipWsPort, ariPort } = await ready.promise
  return {
    sipPort,
    sipTlsPort,
    sipWsPort,
    ariUrl: `http://127.0.0.1:${ariPort}/ari`,
    ariUser: config.ariUser,
    ariPassword: config.ariPassword,
    metrics() {
      if (state !== 'ready') return Promise.reject(new Error('the softswitch is not running'))
      const id = ++lastId
      return new Promise((resolve) => {
        waiting.set(id, resolve)
        send({ type: 'metrics', id })
      })
    },
    accountsChanged: (changed) => send({ type: 'accounts_changed', ...changed }),
    async close() {
      if (state === 'ready') {
        state = 'closing'
        send({ type: 'close' })
      }
      const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS)
      await exited.promise
      clearTimeout(timer)
    },
  }
}
