import type { Contract } from '@sidetone/contract'
import { startRelay } from '@sidetone/store'
import { createLogger, startTracing } from '@sidetone/telemetry'
import type { z } from 'zod'
import { checkKeys } from './check-keys.ts'
import { serveHealth } from './health.ts'
import type { Manager } from './manager.ts'
import { pendingMigrations } from './migrations.ts'
import { openPlatform } from './platform.ts'
import { distributedSettings, readSettings, SettingsError } from './settings.ts'
import { startManager } from './start-manager.ts'
import { onStopSignal } from './stop-signal.ts'

/** Runs one manager as a process of its own. A failed start never exits with 0. */
export async function runManager<C extends Contract, S extends z.ZodObject>(manager: Manager<C, S>): Promise<void> {
  try {
    await start(manager)
  } catch (error) {
    console.error(error instanceof SettingsError ? error.message : error)
    process.exit(1)
  }
}

async function start<C extends Contract, S extends z.ZodObject>(manager: Manager<C, S>): Promise<void> {
  const { contract } = manager
  const settings = readSettings(distributedSettings, process.env)
  const own = readSettings(manager.settings, process.env) as z.output<S>
  const log = createLogger({ service: contract.name, level: settings.LOG_LEVEL })
  const tracing = await startTracing({ service: contract.name, endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT })
  const platform = await openPlatform(contract.name, settings, log)
  const behind = await pendingMigrations(platform.store, [manager])
  if (behind.length > 0) {
    throw new SettingsError(`The database lacks migrations (${behind.join(', ')}): run \`npm run migrate\` first.`)
  }
  await checkKeys(platform)
  const relay = startRelay({
    store: platform.store,
    publish: platform.transport.publish,
    publisher: contract.name,
    log,
  })
  const running = await startManager(manager, platform, own)
  const health = await serveHealth({ port: settings.HTTP_PORT, notReady: platform.notReady })
  log.info({ port: settings.HTTP_PORT }, 'ready')

  onStopSignal(log, async () => {
    health.drain()
    await running.close({ drainMs: settings.DRAIN_SECONDS * 1_000 })
    await relay.close()
    await platform.close()
    await tracing.close()
    await health.close()
  })
}
