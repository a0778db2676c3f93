import { createRabbitTransport } from '@sidetone/bus'
import { onStopSignal, platformSettings, readSettings, SettingsError, serveHealth } from '@sidetone/manager'
import { createLogger } from '@sidetone/telemetry'
import { z } from 'zod'
import { hepKey, startHepCollector } from './collector.ts'

const collectorSettings = platformSettings.pick({ HTTP_PORT: true, LOG_LEVEL: true, DRAIN_SECONDS: true }).extend({
  RABBITMQ_URL: z.url({ protocol: /^amqps?$/, error: 'is needed: the timeline is asked through the broker' }),
  HEP_PORT: z.coerce.number().int().min(1).max(65_535).default(9_060),
  HEP_KEY: hepKey,
})

try {
  const settings = readSettings(collectorSettings, process.env)
  const log = createLogger({ service: 'hep-collector', level: settings.LOG_LEVEL })
  const transport = await createRabbitTransport({ url: settings.RABBITMQ_URL, name: 'hep-collector', log })
  const health = await serveHealth({
    port: settings.HTTP_PORT,
    notReady: async () => (transport.ready() ? [] : ['bus']),
  })
  const collector = await startHepCollector({
    host: '0.0.0.0',
    port: settings.HEP_PORT,
    key: settings.HEP_KEY,
    transport,
    log,
  })
  onStopSignal(log, async () => {
    health.drain()
    await collector.close()
    await health.close()
    await transport.close({ drainMs: settings.DRAIN_SECONDS * 1_000 })
  })
  log.info({ port: collector.port }, 'ready')
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(1)
}
