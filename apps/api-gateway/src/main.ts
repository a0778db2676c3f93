import { distributedSettings, onStopSignal, openPlatform, readSettings, SettingsError } from '@sidetone/manager'
import { createLogger, startTracing } from '@sidetone/telemetry'
import { gatewaySettings, startGateway } from './gateway.ts'

try {
  const settings = readSettings(distributedSettings, process.env)
  const log = createLogger({ service: 'gateway', level: settings.LOG_LEVEL })
  const tracing = await startTracing({ service: 'gateway', endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT })
  const platform = await openPlatform('gateway', settings, log)
  const gateway = await startGateway({
    ...platform,
    port: settings.HTTP_PORT,
    settings: readSettings(gatewaySettings, process.env),
    version: process.env.npm_package_version ?? '0.1.0',
    jwtKey: platform.derivedKey('jwt'),
    drainMs: settings.DRAIN_SECONDS * 1_000,
  })
  log.info({ port: gateway.port }, 'ready')
  onStopSignal(log, async () => {
    await gateway.close()
    await platform.close()
    await tracing.close()
  })
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(1)
}
