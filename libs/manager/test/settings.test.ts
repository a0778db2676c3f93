import { expect, test } from 'vitest'
import { platformSettings, readSettings, SettingsError } from '../src/index.ts'

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
