import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ariAccessOf } from '@sidetone/asterisk-proxy'
import type { Transport } from '@sidetone/bus'
import { type Account, type Registration, type Softswitch, startSoftswitch, type Who } from '@sidetone/softswitch'
import { gauge, type Logger } from '@sidetone/telemetry'
import type { z } from 'zod'
import type { rtcSettings } from './rtc-settings.ts'
import { tellAccounts } from './tell-accounts.ts'

export interface Rtc {
  /** How the proxy reaches the node. */
  ari: { ariUrl: string; user: string; password: string; app: string }
  /** Absent when an Asterisk of its own listens for SIP. */
  sipPort: number | undefined
  sipWsPort: number | undefined
  close: () => Promise<void>
}

interface RtcOptions {
  settings: z.output<typeof rtcSettings> & { OUTBOUND_ALLOW: string[] }
  /** Where this platform's own audio is fetched. */
  platformUrls: string[]
  dataDir: string
  /** Of the collector of SIP messages, on loopback. */
  hepPort: number
  log: Logger
  transport: Transport
  lookup: (who: Who) => Promise<Account | null>
}

const app = 'sidetone'

/** The Asterisk that ARI_URL names, or the embedded softswitch. */
export async function startRtc({
  settings,
  platformUrls,
  dataDir,
  hepPort,
  log,
  transport,
  lookup,
}: RtcOptions): Promise<Rtc> {
  if (settings.ARI_URL) {
    return {
      ari: { ...ariAccessOf(settings.ARI_URL), app },
      sipPort: undefined,
      sipWsPort: undefined,
      close: async () => {},
    }
  }
  const kept = keepRegistrations(join(dataDir, 'registrations.json'))
  const { ADVERTISED_IP } = settings
  const softswitch = await startSoftswitch({
    sipPort: settings.SIP_PORT,
    sipTls: sipTlsOf(settings),
    sipWsPort: settings.SIP_WS_PORT,
    wsOrigins: settings.SIP_WS_ORIGINS,
    rtpPortMin: settings.RTP_PORT_MIN,
    rtpPortMax: settings.RTP_PORT_MAX,
    ...(ADVERTISED_IP && { advertisedIp: ADVERTISED_IP }),
    realm: settings.SIP_REALM,
    digestAlgorithms: settings.SIP_DIGEST_ALGORITHMS,
    registrarBaseDomain: settings.SIP_BASE_DOMAIN,
    hepCollector: { address: '127.0.0.1', port: hepPort, key: settings.HEP_KEY },
    recordingDir: join(dataDir, 'recordings'),
    platformUrls,
    mediaAllow: settings.OUTBOUND_ALLOW,
    ariApp: app,
    lookup,
    registrations: kept.registrations,
    onRegistration: kept.note,
    // A platform without telephony must not look alive: whoever watches the process starts it again.
    onError: (error) =>
      setImmediate(() => {
        throw error
      }),
    log,
  })
  const listening = await tellAccounts(transport, softswitch)
  const showing = setInterval(() => void showMetrics(softswitch), showEveryMs)
  const { ariUrl, ariUser, ariPassword } = softswitch
  return {
    ari: { ariUrl, user: ariUser, password: ariPassword, app },
    sipPort: softswitch.sipPort,
    sipWsPort: softswitch.sipWsPort,
    async close() {
      clearInterval(showing)
      await listening.close()
      await softswitch.close()
      kept.save()
    },
  }
}

function sipTlsOf({
  SIP_TLS_PORT: port,
  SIP_TLS_CERT: cert,
  SIP_TLS_KEY: key,
  SIP_TLS_CA: ca,
}: RtcOptions['settings']) {
  if (port === undefined) return undefined
  if (!cert || !key) throw new Error('SIP_TLS_PORT needs SIP_TLS_CERT and SIP_TLS_KEY, files in PEM')
  return { port, cert, key, ca }
}

const showEveryMs = 2_000

/** The switch counts in its own thread; `/metrics` shows its figures a moment late. */
async function showMetrics(softswitch: Softswitch): Promise<void> {
  const metrics = await softswitch.metrics().catch(() => ({}))
  for (const [name, value] of Object.entries(metrics)) {
    gauge({ name: `softswitch_${name}`, help: `${name.replaceAll('_', ' ')} of the embedded softswitch` }).set(value)
  }
}

const saveAfterMs = 200

/** Phones register for an hour and more: a restart must not lose them. */
function keepRegistrations(file: string) {
  const byContact = new Map(read(file).map((registration) => [keyOf(registration), registration]))
  let timer: NodeJS.Timeout | undefined

  function save(): void {
    clearTimeout(timer)
    timer = undefined
    writeFileSync(`${file}.new`, JSON.stringify([...byContact.values()]), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  return {
    registrations: [...byContact.values()],
    note(registration: Registration): void {
      if (registration.expires === 0) byContact.delete(keyOf(registration))
      else byContact.set(keyOf(registration), registration)
      timer ??= setTimeout(save, saveAfterMs)
    },
    save,
  }
}

const keyOf = ({ aor, contact }: Registration): string => `${aor} ${contact}`

function read(file: string): Registration[] {
  try {
    const all = JSON.parse(readFileSync(file, 'utf8')) as Registration[]
    return all.filter(({ expires }) => expires > Date.now() / 1000)
  } catch {
    // Absent at the first start; and phones register again by themselves.
    return []
  }
}
