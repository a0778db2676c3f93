import { onStopSignal, SettingsError } from '@sidetone/manager'
import { createLogger } from '@sidetone/telemetry'
import { banner } from './banner.ts'
import { startSidetone } from './start-sidetone.ts'

try {
  const started = performance.now()
  const sidetone = await startSidetone(process.env)
  onStopSignal(createLogger({ service: 'sidetone', level: sidetone.settings.LOG_LEVEL }), sidetone.close)
  console.log(`\n${banner(sidetone)}\n`)
  console.log(`sidetone ready in ${((performance.now() - started) / 1000).toFixed(1)} s; Ctrl-C stops it`)
} catch (error) {
  const known = error instanceof SettingsError || (error instanceof Error && /_PORT/.test(error.message))
  console.error(known ? `sidetone: ${error.message}` : error)
  process.exit(1)
}
