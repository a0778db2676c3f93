export { createLogger, type Logger, type LoggerOptions } from './logger.ts'
export { counter, gauge, histogram, metricsContentType, metricsText } from './metrics.ts'
export { extractTrace, injectTrace, startTracing, type Tracing, type TracingOptions, withSpan } from './tracing.ts'
