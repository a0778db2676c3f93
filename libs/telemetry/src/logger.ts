import { createRequire } from 'node:module'
import { isSpanContextValid, trace } from '@opentelemetry/api'
import { type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger, pino } from 'pino'
import { describeError, hideSensitive } from './hide-sensitive.ts'

export type { Logger } from 'pino'

/** `pretty` is for a person at a terminal; `destination` takes the place of stdout. */
export interface LoggerOptions {
  service: string
  level: string
  pretty?: boolean | undefined
  destination?: DestinationStream | undefined
}

/** A JSON logger on stdout that hides the values of sensitive keys and names the trace it belongs to. */
export function createLogger({ service, level, pretty = false, destination }: LoggerOptions): Logger {
  if (level !== 'silent' && !(level in pino.levels.values)) {
    throw new TypeError(`LOG_LEVEL '${level}' is none of ${Object.keys(pino.levels.values).join(', ')}, silent`)
  }
  const options = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: hideSensitive },
    serializers: { err: describeError, error: describeError },
    mixin: activeTrace,
  }
  const target = destination ?? pino.destination({ dest: 1, sync: true })
  return withSafeChildren(pino(options, pretty ? prettyDestination(target) : target))
}

function activeTrace(): object {
  const span = trace.getActiveSpan()?.spanContext()
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {}
}

/** pino hides nothing in what a child is bound to: the formatter for it serves the first logger only. */
function withSafeChildren(logger: Logger): Logger {
  const { child } = logger
  function safeChild(this: Logger, bindings: Bindings, options?: ChildLoggerOptions): Logger {
    return Reflect.apply(child, this, [hideSensitive(bindings), options])
  }
  return Object.defineProperty(logger, 'child', { value: safeChild })
}

function prettyDestination(destination: DestinationStream): DestinationStream {
  // Loaded here, as most processes never need it; in this thread, so that the last lines before an exit are seen.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
  const format = prettyFactory({ ignore: 'pid', translateTime: 'SYS:HH:MM:ss.l', colorize: process.stdout.isTTY })
  return { write: (line) => destination.write(format(line)) }
}
