import { expect, test } from 'vitest'
import { distributedSettings, platformSettings, readSettings, SettingsError } from '../src/index.ts'

test('an absent or empty variable means the default', () => {
  const settings = readSettings(platformSettings, { HTTP_PORT: '', LOG_LEVEL: 'debug' })
  expect(settings).toMatchObject({ HTTP_PORT: 8080, LOG_LEVEL: 'debug', OUTBOUND_ALLOW: [] })
  expect(settings.DATABASE_URL).toBeUndefined()
})

test('every problem is named at once', () => {
  const read = () =>
    readSettings(platformSettings, {
      HTTP_PORT: 'many',
      DATABASE_URL: 'postgres://x',
      OUTBOUND_ALLOW: '10.0.0.0/8,nonsense',
    })
  expect(read).toThrow(SettingsError)
  expect(read).toThrow(/HTTP_PORT[\s\S]*DATABASE_URL[\s\S]*OUTBOUND_ALLOW/)
})

test('networks are read from a list', () => {
  expect(readSettings(platformSettings, { OUTBOUND_ALLOW: '127.0.0.0/8, fd00::/8' }).OUTBOUND_ALLOW).toEqual([
    '127.0.0.0/8',
    'fd00::/8',
  ])
})

test.each([
  ['HTTP_PORT', 'many', 'must be a number'],
  ['HTTP_PORT', '80.5', 'must be a whole number'],
  ['HTTP_PORT', '-1', 'must be 0 or more'],
  ['HTTP_PORT', '99999', 'must be 65535 or less'],
  ['LOG_LEVEL', 'warning', 'must be one of trace, debug, info, warn, error, silent'],
  ['PLATFORM_SECRET', 'short', 'must have 32 characters or more'],
  ['DATABASE_URL', 'mysql://root@127.0.0.1:3306', 'must name a database: mysql://user:password@host:port/database'],
  ['DATABASE_URL', 'mysql://root@127.0.0.1:3306/', 'must name a database: mysql://user:password@host:port/database'],
  ['DATABASE_URL', 'postgres://x/y', 'must begin with mysql://'],
])('%s=%s is answered in plain words', (name, value, problem) => {
  expect(() => readSettings(platformSettings, { [name]: value })).toThrow(
    `Some settings are not valid:\n  ${name}: ${problem}`,
  )
})

test('a process that is one of several is told everything that it lacks', () => {
  const lines = [
    'DATABASE_URL',
    'RABBITMQ_URL',
    'REDIS_URL',
    'EVENT_HUB_URL',
    'STORAGE_URL',
    'PUBLIC_URL',
    'PLATFORM_SECRET',
    'ENCRYPTION_KEYS',
  ].map((name) => `  ${name}: is needed; docs/operating.md says what for`)
  expect(() => readSettings(distributedSettings, {})).toThrow(['Some settings are not valid:', ...lines].join('\n'))
})
