import { startHub } from '@sidetone/bus'
import { onStopSignal, platformSettings, readSettings, SettingsError } from '@sidetone/manager'
import { createLogger } from '@sidetone/telemetry'
import { z } from 'zod'

/** Subscribers connect to the port, publishers to the next one. */
const hubSettings = z.object({
  EVENT_HUB_HOST: z.string().default('0.0.0.0'),
  EVENT_HUB_PORT: z.coerce.number().int().min(1).max(65_534).default(5_557),
  LOG_LEVEL: platformSettings.shape.LOG_LEVEL,
})

try {
  const { EVENT_HUB_HOST, EVENT_HUB_PORT, LOG_LEVEL } = readSettings(hubSettings, process.env)
  const log = createLogger({ service: 'event-hub', level: LOG_LEVEL })
  const hub = await startHub({ host: EVENT_HUB_HOST, port: EVENT_HUB_PORT }).catch((cause: Error) => {
    throw new SettingsError(`${cause.message}; set EVENT_HUB_HOST and EVENT_HUB_PORT to what is free`, { cause })
  })
  log.info({ port: EVENT_HUB_PORT }, 'ready')
  onStopSignal(log, () => hub.close())
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(1)
}
