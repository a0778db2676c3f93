import type { Logger } from '@sidetone/telemetry'

/** On SIGTERM or SIGINT: stops in order and exits 0; a second signal exits 1 at once. */
export function onStopSignal(log: Logger, stop: () => Promise<void>): void {
  let stopping = false
  const handle = (signal: NodeJS.Signals): void => {
    if (stopping) {
      log.warn({ signal }, 'second signal: leaving at once')
      process.exit(1)
    }
    stopping = true
    log.info({ signal }, 'stopping')
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'could not stop in order')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', handle)
  process.on('SIGINT', handle)
}
