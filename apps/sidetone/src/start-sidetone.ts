import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { gatewaySettings, startGateway } from '@sidetone/api-gateway'
import { type AsteriskProxy, startAsteriskProxy } from '@sidetone/asterisk-proxy'
import { createClient, type Transport } from '@sidetone/bus'
import { internalIdentity } from '@sidetone/contract'
import { startHepCollector } from '@sidetone/hep-collector'
import {
  checkKeys,
  migrateManagers,
  openPlatform,
  type PlatformSettings,
  platformSettings,
  readSettings,
  startManager,
} from '@sidetone/manager'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { startRelay } from '@sidetone/store'
import { createLogger, startTracing } from '@sidetone/telemetry'
import type { z } from 'zod'
import { openDataDir } from './data-dir.ts'
import { managers } from './managers.ts'
import { startRtc } from './rtc.ts'
import { rtcSettings } from './rtc-settings.ts'
import { seed } from './seed.ts'

const embeddedSettings = platformSettings.extend({
  ...rtcSettings.shape,
  LOG_LEVEL: platformSettings.shape.LOG_LEVEL.removeDefault().default('warn'),
})

/** What any part reads, so that all that is wrong is told at once. */
const everySetting = embeddedSettings.extend(
  Object.assign({}, gatewaySettings.shape, ...managers.map(({ settings }) => settings.shape)),
)

export interface Sidetone {
  settings: z.output<typeof embeddedSettings>
  httpPort: number
  sipPort: number | undefined
  sipWsPort: number | undefined
  accesskey: string
  /** The bus, for programs in the same process. */
  transport: Transport
  /** Takes nothing new, finishes what it accepted, leaves everything in the data folder. */
  close: () => Promise<void>
}

const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version

/** The whole platform in one process. Each part that a setting names runs outside instead. */
export async function startSidetone(env: Record<string, string | undefined>): Promise<Sidetone> {
  readSettings(everySetting, env)
  const given = readSettings(embeddedSettings, env)
  const settings = { ...given, HTTP_PORT: given.HTTP_PORT || (await freePort()) }
  const dataDir = openDataDir(settings.SIDETONE_DATA_DIR)
  const closers: (() => void | Promise<void>)[] = [dataDir.release]
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step()
  }
  try {
    return { settings, ...(await start(settings, dataDir, env, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** An S3 store serves its files itself. */
const storageEndpoint = (url: string | undefined): string[] => {
  const endpoint = url === undefined ? null : new URL(url).searchParams.get('endpoint')
  return endpoint ? [endpoint] : []
}

/** For `HTTP_PORT=0`: the addresses of files name the port before anything listens on it. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

async function start(
  settings: z.output<typeof embeddedSettings>,
  dataDir: ReturnType<typeof openDataDir>,
  env: Record<string, string | undefined>,
  closers: (() => void | Promise<void>)[],
): Promise<Pick<Sidetone, 'httpPort' | 'sipPort' | 'sipWsPort' | 'accesskey' | 'transport'>> {
  const { keys } = dataDir
  const log = createLogger({ service: 'sidetone', level: settings.LOG_LEVEL })
  const tracing = await startTracing({ service: 'sidetone', endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT })
  closers.push(() => tracing.close())
  const withKeys: PlatformSettings = {
    ...settings,
    PLATFORM_SECRET: settings.PLATFORM_SECRET ?? keys.platform_secret,
    ENCRYPTION_KEYS: settings.ENCRYPTION_KEYS ?? keys.encryption_keys,
  }
  const platform = await openPlatform('sidetone', withKeys, log)
  const { store, transport } = platform
  closers.push(() => platform.close())

  await migrateManagers(store, managers)
  await checkKeys(platform)
  const managerEnv = { DEFAULT_CUSTOMER_ID: keys.customer_id, NUMBER_PROVIDER: 'open', ...env }
  for (const manager of managers) {
    const running = await startManager(manager, platform, readSettings(manager.settings, managerEnv))
    closers.push(() => running.close({ drainMs: settings.DRAIN_SECONDS * 1_000 }))
  }
  // Only while all listen: an event that nobody in the process hears would count as delivered.
  const relay = startRelay({ store, publish: transport.publish, log })
  closers.push(() => relay.close())
  await seed(transport, dataDir)

  const registrar = createClient(registrarContract, { transport, publisher: 'sidetone' })
  const collector = await startHepCollector({
    host: settings.HEP_PORT === 0 ? '127.0.0.1' : '0.0.0.0',
    port: settings.HEP_PORT,
    key: settings.HEP_KEY,
    transport,
    log,
  })
  closers.push(() => collector.close())
  const rtc = await startRtc({
    settings,
    hepPort: collector.port,
    platformUrls: [platform.fileSigner.url('', { expiresSeconds: 0 }), ...storageEndpoint(settings.STORAGE_URL)],
    dataDir: dataDir.path,
    log,
    transport,
    async lookup({ user: username, domain, trunk }) {
      const identity = internalIdentity()
      const { credentials } = trunk
        ? await registrar.trunk.credentials({ domain_name: trunk.name, username, source: trunk.source }, { identity })
        : await registrar.extension.credentials({ username, domain }, { identity })
      return credentials
    },
  })
  // The node closes first: the proxy still has to tell how its calls ended.
  let proxy: AsteriskProxy | undefined
  closers.push(async () => proxy?.close())
  closers.push(() => {
    proxy?.nodeStops()
    return rtc.close()
  })
  proxy = await startAsteriskProxy({ ...rtc.ari, transport, files: platform.files, log })

  const gateway = await startGateway({
    ...platform,
    port: settings.HTTP_PORT,
    settings: readSettings(gatewaySettings, env),
    version,
    jwtKey: platform.derivedKey('jwt'),
    drainMs: settings.DRAIN_SECONDS * 1_000,
  })
  closers.push(() => gateway.close())
  return {
    httpPort: gateway.port,
    sipPort: rtc.sipPort,
    sipWsPort: rtc.sipWsPort,
    accesskey: keys.accesskey,
    transport,
  }
}
