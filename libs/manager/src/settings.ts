import { z } from 'zod'

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback)
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (text) => protocols.includes(URL.parse(text)?.protocol ?? ''),
      `must begin with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    )
    .optional()

/** The environment variables of every process. An absent URL means the embedded part. */
export const platformSettings = z.object({
  HTTP_PORT: port(8080),
  /** MySQL or MariaDB; absent: an SQLite file in the data folder. */
  DATABASE_URL: url('mysql:').refine(
    (text) => text === undefined || (URL.parse(text)?.pathname.length ?? 0) > 1,
    'must name a database: mysql://user:password@host:port/database',
  ),
  /** Absent: the in-process bus. */
  RABBITMQ_URL: url('amqp:', 'amqps:'),
  /** Absent: memory. */
  REDIS_URL: url('redis:', 'rediss:'),
  /** Where the event hub's subscribers connect; publishers use the next port. Absent: inside the process. */
  EVENT_HUB_URL: url('tcp:'),
  /** `file:///…` or `s3://bucket?endpoint=…&region=…`; absent: a folder in the data folder. */
  STORAGE_URL: url('file:', 's3:'),
  STORAGE_ACCESS_KEY_ID: z.string().optional(),
  STORAGE_SECRET_ACCESS_KEY: z.string().optional(),
  SIDETONE_DATA_DIR: z.string().default('./.sidetone'),
  /** Where this gateway is reached from outside; addresses of files and links in mails begin with it. */
  PUBLIC_URL: url('http:', 'https:'),
  /** Networks that outbound HTTP may reach although they are not public, e.g. `127.0.0.0/8,10.1.0.0/16`. */
  OUTBOUND_ALLOW: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()], 'must be CIDRs, separated by commas'))),
  /** Signs tokens and file addresses; at least 32 characters. Embedded: made at the first start. */
  PLATFORM_SECRET: z.string().min(32).optional(),
  /** `id:base64,…`, 32 bytes each; the first encrypts, all decrypt. Embedded: made at the first start. */
  ENCRYPTION_KEYS: z.string().optional(),
  /** How long deleted rows, and jobs and events that were given up, are kept. */
  DELETED_RETENTION_DAYS: z.coerce.number().min(1).max(36_500).default(30),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** OTLP over HTTP; absent: no traces. */
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:'),
  /** How long work in flight may take to end when the process is asked to stop. */
  DRAIN_SECONDS: z.coerce.number().min(0).max(600).default(20),
})
export type PlatformSettings = z.output<typeof platformSettings>

/** The same for a process that is one of several: a part that is embedded would be another one in each of them. */
export const distributedSettings = platformSettings.required({
  DATABASE_URL: true,
  RABBITMQ_URL: true,
  REDIS_URL: true,
  EVENT_HUB_URL: true,
  STORAGE_URL: true,
  PUBLIC_URL: true,
  PLATFORM_SECRET: true,
  ENCRYPTION_KEYS: true,
})

/** A setting that is wrong; the message lists every problem, one a line. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** Reads the settings of a process from its environment; an empty variable counts as absent. */
export function readSettings<S extends z.ZodObject>(schema: S, env: Record<string, string | undefined>): z.output<S> {
  const given = Object.fromEntries(Object.keys(schema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
  const parsed = schema.safeParse(given, { error: inPlainWords })
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `  ${String(issue.path[0])}: ${issue.message}`)
  throw new SettingsError(`Some settings are not valid:\n${problems.join('\n')}`)
}

/** For whoever sets variables and knows nothing of JavaScript's types. */
function inPlainWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is needed; docs/operating.md says what for'
      return issue.expected === 'int' ? 'must be a whole number' : `must be a ${issue.expected}`
    case 'too_small':
      return issue.origin === 'string'
        ? `must have ${issue.minimum} characters or more`
        : `must be ${issue.minimum} or more`
    case 'too_big':
      return `must be ${issue.maximum} or less`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`
    default:
      return undefined
  }
}
