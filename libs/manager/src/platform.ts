import { hkdfSync } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  createInProcessTransport,
  createRabbitTransport,
  type LiveFeed,
  openLiveFeed,
  type Transport,
} from '@sidetone/bus'
import { type Cache, openCache } from '@sidetone/cache'
import { createFileSigner, type FileSigner, type Files, openFiles } from '@sidetone/files'
import { createOutbound, type Outbound } from '@sidetone/outbound'
import { createSecrets, parseKeys, type Secrets } from '@sidetone/secrets'
import { openStore, type Store } from '@sidetone/store'
import type { Logger } from '@sidetone/telemetry'
import { type PlatformSettings, SettingsError } from './settings.ts'

/** What managers stand on: one of each, whichever adapter the settings choose. */
export interface Platform {
  settings: PlatformSettings
  log: Logger
  store: Store
  transport: Transport
  feed: LiveFeed
  cache: Cache
  files: Files
  fileSigner: FileSigner
  secrets: Secrets
  outbound: Outbound
  /** Where the gateway is reached from outside, without a slash at the end. */
  publicUrl: string
  /** A key of its own for each purpose, derived from PLATFORM_SECRET (RFC 5869). */
  derivedKey: (purpose: string) => Buffer
  /** What is not ready; empty when all is well. */
  notReady: () => Promise<string[]>
  close: () => Promise<void>
}

/** Connects everything that the settings name, as the process `name`; what fails to connect is named together with its setting. */
export async function openPlatform(name: string, settings: PlatformSettings, log: Logger): Promise<Platform> {
  const { PLATFORM_SECRET, ENCRYPTION_KEYS, DATABASE_URL, RABBITMQ_URL, REDIS_URL, EVENT_HUB_URL, DRAIN_SECONDS } =
    settings
  if (!PLATFORM_SECRET)
    throw new SettingsError('PLATFORM_SECRET is not set: give every process the same 32 or more random characters.')
  if (!ENCRYPTION_KEYS)
    throw new SettingsError('ENCRYPTION_KEYS is not set: give every process the same `id:base64` of 32 random bytes.')
  const dataDir = resolve(settings.SIDETONE_DATA_DIR)
  if (!DATABASE_URL || !settings.STORAGE_URL) mkdirSync(dataDir, { recursive: true })

  const derivedKey = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', PLATFORM_SECRET, '', purpose, 32))
  const secrets = await named('ENCRYPTION_KEYS', () => createSecrets(parseKeys(ENCRYPTION_KEYS, 'ENCRYPTION_KEYS')))
  const files = await named('STORAGE_URL', () =>
    openFiles(settings.STORAGE_URL ?? join(dataDir, 'files'), {
      accessKeyId: settings.STORAGE_ACCESS_KEY_ID,
      secretAccessKey: settings.STORAGE_SECRET_ACCESS_KEY,
    }),
  )
  const store = await named('DATABASE_URL', async () => {
    const opened = await openStore(
      DATABASE_URL ? { url: DATABASE_URL, log } : { file: join(dataDir, 'sidetone.db'), log },
    )
    await opened.ping()
    return opened
  })
  const transport = await named('RABBITMQ_URL', async () =>
    RABBITMQ_URL ? await createRabbitTransport({ url: RABBITMQ_URL, name, log }) : createInProcessTransport({ log }),
  )
  const cache = await named('REDIS_URL', () =>
    openCache(REDIS_URL, {
      prefix: 'sidetone:',
      onError: (error) => log.warn({ err: error }, 'Redis (REDIS_URL) does not answer'),
    }),
  )
  const feed = await named('EVENT_HUB_URL', () => openLiveFeed({ hubUrl: EVENT_HUB_URL, log }))
  const publicUrl = (settings.PUBLIC_URL ?? `http://127.0.0.1:${settings.HTTP_PORT}`).replace(/\/+$/, '')
  const fileSigner = createFileSigner({ baseUrl: publicUrl, secret: derivedKey('files').toString('base64') })
  const outbound = createOutbound({
    allow: settings.OUTBOUND_ALLOW,
    timeoutMs: 15_000,
    maxBytes: 10 * 1024 * 1024,
    maxRedirects: 3,
    userAgent: 'Sidetone/1.0',
  })

  const answers = (name: string, ask: () => Promise<unknown>): Promise<string[]> =>
    ask().then(
      () => [],
      () => [name],
    )
  return {
    settings,
    log,
    store,
    transport,
    feed,
    cache,
    files,
    fileSigner,
    secrets,
    outbound,
    publicUrl,
    derivedKey,
    notReady: async () => [
      ...(transport.ready() ? [] : ['bus']),
      ...(await answers('database', () => store.ping())),
      ...(await answers('cache', () => cache.ping())),
    ],
    async close() {
      await transport.close({ drainMs: DRAIN_SECONDS * 1_000 })
      await feed.close()
      await outbound.close()
      await cache.close()
      await store.close()
    },
  }
}

async function named<T>(setting: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SettingsError(reason.includes(setting) ? reason : `${setting}: ${reason}`, { cause })
  }
}
