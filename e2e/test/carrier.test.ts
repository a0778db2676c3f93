import { createSidetone } from '@sidetone/sdk'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type SidetoneProcess, startSidetone } from '../src/index.ts'
import { scenario, sippAbsent, startSipp } from './sipp/start-sipp.ts'

if (sippAbsent) console.info(`skipped: ${sippAbsent}`)
test.runIf(sippAbsent && process.env.SIDETONE_REQUIRE === 'all')('sipp is there', () => {
  throw new Error(sippAbsent)
})

describe.skipIf(sippAbsent)(sippAbsent ?? 'a carrier', () => {
  const number = '+12125550100'
  const everyone = '00000000-0000-0000-0000-000000000000'
  let sidetone: SidetoneProcess
  let api: ReturnType<typeof createSidetone>
  const closing: (() => unknown)[] = []
  beforeAll(async () => {
    sidetone = await startSidetone()
    const login = { username: 'admin@localhost', password: 'admin@localhost' }
    const { token } = await createSidetone({ baseUrl: sidetone.url }).session.login(login)
    api = createSidetone({ baseUrl: sidetone.url, token })
    await api.outbound_config.update_own({ destination_whitelist: ['us'] })
  }, 40_000)
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  afterAll(() => sidetone.stop())

  /** It is asked by OPTIONS and called once. */
  const sipp = async (name = 'carrier.xml') => {
    const started = await startSipp('-sf', scenario(name), '-m', '2')
    closing.push(started.close)
    return started
  }
  const provider = (port: number) =>
    api.provider.create({
      ...{
        type: 'sip',
        hostname: `127.0.0.1:${port}`,
        tech_prefix: '9#',
        tech_postfix: '',
        name: 'carrier',
        detail: '',
      },
      ...{ tech_headers: { 'X-Account': '7' }, codecs: 'PCMA', username: 'sidetone', password: 'secret' },
    })
  const described = { target_name: '', name: '', detail: '' }
  const dial = {
    source: { type: 'tel' as const, target: '+15550100000', ...described },
    destinations: [{ type: 'tel' as const, target: number, ...described }],
    actions: [{ type: 'hangup' as const, option: {} }],
  }

  test('a test call reaches it with digest, prefix, headers, caller and codec, is answered and ends', async () => {
    const carrier = await sipp()
    const { id } = await provider(carrier.port)
    expect(await api.provider.get({ id })).not.toHaveProperty('password')
    const made = await api.providercall.create({ ...dial, provider_id: id })
    expect(made).toMatchObject({ provider_id: id, call_ids: [expect.any(String)], groupcall_ids: [] })
    expect(await carrier.succeeded).toBe(true)
    const ended = async () => (await api.call.get({ id: made.call_ids[0]! })).status
    await expect.poll(ended, { timeout: 3_000 }).toBe('hangup')
    expect((await api.providercall.list({ provider_id: id })).result).toEqual([made])
  }, 20_000)

  test('a call goes to the next one when the first has no line left', async () => {
    const [first, second] = [await sipp('full-carrier.xml'), await sipp()]
    const full = await provider(first.port)
    const { id } = await provider(second.port)
    const fields = { customer_id: everyone, name: '', detail: '', target: 'all' }
    const routes = [
      await api.route.create({ ...fields, provider_id: full.id, priority: 1 }),
      await api.route.create({ ...fields, provider_id: id, priority: 2 }),
    ]
    const { calls } = await api.call.create(dial)
    expect(await Promise.all([first.succeeded, second.succeeded])).toEqual([true, true])
    const ended = async () => (await api.call.get({ id: calls[0]!.id })).status
    await expect.poll(ended, { timeout: 3_000 }).toBe('hangup')
    for (const route of routes) await api.route.delete({ id: route.id })
  }, 20_000)
})
