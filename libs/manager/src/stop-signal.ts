import type { Logger } from '@sidetone/telemetry'

/** Under `npm start` one Ctrl-C arrives twice: from the terminal, and passed on by npm. */
const sameSignalMs = 1_000

/** On SIGTERM or SIGINT: stops in order and exits 0; a second one, a moment later, exits 1 at once. */
export function onStopSignal(log: Logger, stop: () => Promise<void>): void {
  let stoppingSince: number | undefined
  const handle = (signal: NodeJS.Signals): void => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince < sameSignalMs) return
      log.warn({ signal }, 'second signal: leaving at once')
      process.exit(1)
    }
    stoppingSince = performance.now()
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
