import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@sidetone/bus'
import {
  type Client,
  type Contract,
  type EventEnvelope,
  type Identity,
  nilId,
  permissionBits,
} from '@sidetone/contract'
import {
  type Manager,
  migrateManagers,
  openPlatform,
  type Platform,
  platformSettings,
  type RunningManager,
  readSettings,
  startManager,
} from '@sidetone/manager'
import { startRelay } from '@sidetone/store'
import type { TestDatabase } from '@sidetone/store/testing'
import { createLogger } from '@sidetone/telemetry'

export interface TestPlatform {
  platform: Platform
  /** A client that calls as this identity. */
  as: <C extends Contract>(contract: C, identity: Identity) => AsIdentity<C>
  /** Everything announced so far, in order, once it has been handled. */
  events: () => Promise<EventEnvelope[]>
  close: () => Promise<void>
}

type AsIdentity<C extends Contract> = {
  [R in keyof Client<C>]: {
    [O in keyof Client<C>[R]]: Client<C>[R][O] extends (input: infer I, options: never) => infer P
      ? (input: I) => P
      : never
  }
}

interface TestPlatformOptions {
  managers: Manager[]
  /** Environment variables. */
  env?: Record<string, string>
  /** Instead of one in a temporary folder; it is dropped when the platform closes. */
  database?: TestDatabase | undefined
}

/** Managers on a real platform of their own: a database and the in-process bus unless `env` says otherwise. */
export async function startTestPlatform(options: TestPlatformOptions): Promise<TestPlatform> {
  const { managers, env = {}, database } = options
  const folder = await mkdtemp(join(tmpdir(), 'sidetone-test-'))
  const all = {
    SIDETONE_DATA_DIR: folder,
    PLATFORM_SECRET: randomBytes(32).toString('hex'),
    ENCRYPTION_KEYS: `test:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: 'silent',
    OUTBOUND_ALLOW: '127.0.0.0/8',
    DRAIN_SECONDS: '2',
    ...(database?.url !== undefined && { DATABASE_URL: database.url }),
    ...env,
  }
  const settings = readSettings(platformSettings, all)
  const log = createLogger({ service: 'test', level: settings.LOG_LEVEL })
  const platform = await openPlatform('test', settings, log)
  const { store, transport } = platform
  await migrateManagers(store, managers)

  const heard: EventEnvelope[] = []
  const listening = await transport.subscribe({
    name: 'test',
    types: 'all',
    handler: async (event) => void heard.push(event),
  })
  const running: RunningManager[] = []
  for (const manager of managers)
    running.push(await startManager(manager, platform, readSettings(manager.settings, all)))
  const relay = startRelay({ store, publish: transport.publish, log })

  return {
    platform,
    as(contract, identity) {
      const client = createClient(contract, { transport, publisher: 'test' }) as unknown as Record<
        string,
        Record<string, Call>
      >
      const resources = Object.entries(client).map(([resource, operations]) => [
        resource,
        Object.fromEntries(
          Object.entries(operations).map(([name, call]) => [name, (input: unknown) => call(input, { identity })]),
        ),
      ])
      return Object.fromEntries(resources)
    },
    async events() {
      await relay.idle()
      return heard
    },
    async close() {
      await relay.close()
      for (const manager of running.reverse()) await manager.close({ drainMs: 2_000 })
      await listening.close({ drainMs: 2_000 })
      await platform.close()
      await rm(folder, { recursive: true, force: true })
      await database?.drop()
    },
  }
}

type Call = (input: unknown, options: { identity: Identity }) => Promise<unknown>

/** A customer admin of the given customer. */
export const adminOf = (customer_id: string): Identity => ({
  type: 'agent',
  customer_id,
  agent_id: nilId,
  credential_id: nilId,
  permission: permissionBits.customer_admin,
})

/** A recognisable id: `someId(1)` is always the same. */
export const someId = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
