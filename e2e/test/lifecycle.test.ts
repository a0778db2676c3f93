import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openEvents, type SidetoneProcess, startSidetone } from '../src/index.ts'

let folder: string
const started: SidetoneProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidetone-lifecycle-'))
})
afterEach(async () => {
  for (const sidetone of started.splice(0)) await sidetone.kill()
  await rm(folder, { recursive: true, force: true })
})

async function start(env: Record<string, string> = {}, dataDir = folder): Promise<SidetoneProcess> {
  const sidetone = await startSidetone({ env, dataDir })
  started.push(sidetone)
  return sidetone
}

const request = (sidetone: SidetoneProcess, method: string, path: string, body?: object) =>
  fetch(sidetone.url + path, {
    method,
    headers: { authorization: `Bearer ${sidetone.accesskey}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
const get = async <T>(sidetone: SidetoneProcess, path: string): Promise<T> =>
  (await (await request(sidetone, 'GET', path)).json()) as T

test('it says what a first call needs, then one line that it is ready', async () => {
  const sidetone = await start()
  const lines = sidetone.output().trimEnd().split('\n')
  expect(lines.at(-1)).toMatch(/^sidetone ready/)
  expect(lines.filter((line) => line.startsWith('sidetone ready'))).toHaveLength(1)
  for (const told of [
    `REST        ${sidetone.url}/v1.0`,
    `SIP         127.0.0.1:${sidetone.sipPort}`,
    'Login       admin@localhost / admin@localhost',
    '1000…1009, password pass1000…pass1009',
    '+15550100000',
  ]) {
    expect(sidetone.output()).toContain(told)
  }
  const [, curl] = /curl '([^']+)'/.exec(sidetone.output())!
  expect((await fetch(curl!)).status).toBe(200)
})

describe('a start that cannot be', () => {
  let first: SidetoneProcess
  let occupied: string
  beforeEach(async () => {
    occupied = await mkdtemp(join(tmpdir(), 'sidetone-lifecycle-'))
    first = await start({}, occupied)
  })
  afterEach(() => rm(occupied, { recursive: true, force: true }))
  const failing = (env: Record<string, string>, dataDir?: string) =>
    start(env, dataDir).then(
      () => 'it started',
      (error: Error) => error.message,
    )

  test('on a data folder in use names the process and the setting, and leaves the first alone', async () => {
    const pid = (await readFile(join(occupied, 'lock'), 'utf8')).trim()
    const message = await failing({}, occupied)
    expect(message).toContain(`ended with 1`)
    expect(message).toMatch(new RegExp(`in use by process ${pid}\\b.*SIDETONE_DATA_DIR`))
    expect((await request(first, 'GET', '/ready')).status).toBe(200)
  })

  test('on a port in use names it and its setting', async () => {
    const http = await failing({ HTTP_PORT: new URL(first.url).port })
    expect(http).toContain('ended with 1')
    expect(http).toMatch(new RegExp(`${new URL(first.url).port}.*HTTP_PORT`))
    const sip = await failing({ SIP_PORT: String(first.sipPort) })
    expect(sip).toContain('ended with 1')
    expect(sip).toMatch(new RegExp(`${first.sipPort}.*SIP_PORT`))
    expect(`${http}${sip}`).not.toMatch(/\n\s+at /)
  })
})

test('settings that are not valid are listed, all at once', async () => {
  const env = {
    HTTP_PORT: 'many',
    DATABASE_URL: 'postgres://x',
    LOG_LEVEL: 'loud',
    OUTBOUND_ALLOW: 'home',
    RATE_LIMIT_IP: '-1',
    MAX_BODY_BYTES: 'x',
    RTP_PORT_MIN: '70000',
    ADVERTISED_IP: 'here',
    PLATFORM_SECRET: 'short',
  }
  const message = await start(env).then(
    () => 'it started',
    (error: Error) => error.message,
  )
  expect(message).toContain('ended with 1')
  expect(Object.keys(env).filter((name) => !new RegExp(`^\\s+${name}: `, 'm').test(message))).toEqual([])
})

test('the next start finds everything again', async () => {
  const first = await start()
  const tag = (await (await request(first, 'POST', '/v1.0/tags', { name: 'kept' })).json()) as { id: string }
  const numbers = await get<{ result: object[] }>(first, '/v1.0/numbers')
  expect(await first.stop()).toBe(0)
  const second = await start()
  expect(second.accesskey).toBe(first.accesskey)
  expect(await get(second, `/v1.0/tags/${tag.id}`)).toEqual(tag)
  expect(await get(second, '/v1.0/numbers')).toEqual(numbers)
})

test('Ctrl-C answers what is in flight, ends streams with a code that says so, and exits with 0', async () => {
  const sidetone = await start()
  const { id: customerId } = await get<{ id: string }>(sidetone, '/v1.0/customer')
  const events = await openEvents({ url: sidetone.url, accesskey: sidetone.accesskey, customerId })
  const login = { username: 'admin@localhost', password: 'admin@localhost' }
  // Checking a password takes a while.
  const logins = Array.from({ length: 6 }, () => request(sidetone, 'POST', '/auth/login', login))
  await Promise.race(logins)
  const code = sidetone.stop()
  expect((await Promise.all(logins)).map(({ status }) => status)).toEqual(Array(6).fill(200))
  expect(await code).toBe(0)
  expect(await events.closed).toBe(1001)
  await expect(fetch(`${sidetone.url}/health`)).rejects.toThrow()
})

test('after a kill -9 in the middle of writing, what was answered is there and was announced exactly once', async () => {
  const first = await start()
  const answered: string[] = []
  let killed = false
  const write = async (): Promise<void> => {
    while (!killed) {
      const response = await request(first, 'POST', '/v1.0/tags', { name: 'written' }).catch(() => undefined)
      const tag = response?.ok
        ? ((await response.json().catch(() => undefined)) as { id: string } | undefined)
        : undefined
      if (tag) answered.push(tag.id)
    }
  }
  const writers = Array.from({ length: 8 }, write)
  await expect.poll(() => answered.length, { timeout: 10_000 }).toBeGreaterThan(150)
  await sleep(Math.random() * 100)
  await first.kill()
  killed = true
  await Promise.all(writers)

  const second = await start()
  for (const id of answered) expect((await request(second, 'GET', `/v1.0/tags/${id}`)).status).toBe(200)
  const { id: customerId } = await get<{ id: string }>(second, '/v1.0/customer')
  const events = await openEvents({ url: second.url, accesskey: second.accesskey, customerId, cursor: 0 })
  const created = () => events.frames.filter(({ type }) => type === 'tag_created')
  await expect
    .poll(() => answered.filter((id) => !created().some((frame) => frame.resource_id === id)), { timeout: 5_000 })
    .toEqual([])
  // What was committed but not answered any more is announced as well, so there may be a few more.
  expect(created().length).toBe(new Set(created().map((frame) => frame.resource_id)).size)
  expect(created().length).toBeLessThanOrEqual(answered.length + 8)
  expect(events.frames.map(({ cursor }) => cursor)).toEqual(events.frames.map((_, index) => index + 1))
  events.close()
})
