import { createRabbitTransport } from '@sidetone/bus'
import { openFiles } from '@sidetone/files'
import { onStopSignal, readSettings, SettingsError, serveHealth } from '@sidetone/manager'
import { createLogger } from '@sidetone/telemetry'
import { type AsteriskProxy, startAsteriskProxy } from './asterisk-proxy.ts'
import { ariAccessOf, proxySettings } from './settings.ts'

try {
  const settings = readSettings(proxySettings, process.env)
  const log = createLogger({ service: 'asterisk-proxy', level: settings.LOG_LEVEL })
  const files = openFiles(settings.STORAGE_URL, {
    accessKeyId: settings.STORAGE_ACCESS_KEY_ID,
    secretAccessKey: settings.STORAGE_SECRET_ACCESS_KEY,
  })
  const transport = await createRabbitTransport({ url: settings.RABBITMQ_URL, name: 'asterisk-proxy', log })
  let proxy: AsteriskProxy | undefined
  const health = await serveHealth({
    port: settings.HTTP_PORT,
    notReady: async () => [...(transport.ready() ? [] : ['bus']), ...(proxy?.connected() ? [] : ['rtc node'])],
  })
  onStopSignal(log, async () => {
    health.drain()
    await proxy?.close()
    await health.close()
    await transport.close({ drainMs: settings.DRAIN_SECONDS * 1_000 })
  })
  proxy = await startAsteriskProxy({
    ...ariAccessOf(settings.ARI_URL),
    app: 'sidetone',
    transport,
    files,
    log,
    asteriskId: settings.ASTERISK_ID,
  })
  log.info({ asterisk_id: proxy.asteriskId, port: settings.HTTP_PORT }, 'ready')
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(1)
}
