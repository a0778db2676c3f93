import { readSettings } from '@sidetone/manager'
import { createOutbound } from '@sidetone/outbound'
import { afterEach, describe, expect, test } from 'vitest'
import { createProviders } from '../src/providers/index.ts'
import { numberSettings } from '../src/settings.ts'
import { startTelnyx } from './telnyx-double.ts'
import { startTwilio } from './twilio-double.ts'

const numbers = ['+13125550100', '+13125550101', '+13125550102', '+13125550103', '+13125550104'] as const
const [wanted] = numbers
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function open<D extends Awaited<ReturnType<typeof startTelnyx | typeof startTwilio>>>(
  start: () => Promise<D>,
  { env = {}, timeoutMs = 2_000 }: { env?: Record<string, string>; timeoutMs?: number } = {},
) {
  const double = await start()
  double.stock(...numbers)
  const outbound = createOutbound({
    allow: ['127.0.0.0/8'],
    timeoutMs,
    maxBytes: 1_000_000,
    maxRedirects: 0,
    userAgent: 'test',
  })
  closing.push(double.close, outbound.close)
  const settings = readSettings(numberSettings, { ...double.env, ...env })
  return { double, provider: createProviders(settings, outbound)[double.name]! }
}

describe.each([
  ['Telnyx', startTelnyx],
  ['Twilio', startTwilio],
] as const)('%s', (_, start) => {
  const opened = (options?: Parameters<typeof open>[1]) =>
    open<Awaited<ReturnType<typeof start>>>(start as never, options)

  test('numbers for sale are found, page after page, no more than asked for', async () => {
    const { provider } = await opened()
    const found = await provider.search('US', 4)
    expect(found.map(({ number }) => number)).toEqual(numbers.slice(0, 4))
    expect(found[0]).toMatchObject({ country: 'US', region: 'IL', features: expect.arrayContaining(['sms', 'voice']) })
  })

  test('a number is bought under our reference, and given back by it', async () => {
    const { double, provider } = await opened()
    await provider.buy(numbers[1], 'other')
    expect(await provider.buy(wanted, 'mine')).toEqual({ t38_enabled: true, emergency_enabled: false })
    expect(double.owned()).toEqual({ [wanted]: 'mine', [numbers[1]]: 'other' })
    await provider.release('mine')
    expect(double.owned()).toEqual({ [numbers[1]]: 'other' })
    await provider.release('mine')
    await provider.release('never heard of')
    expect(double.owned()).toEqual({ [numbers[1]]: 'other' })
  })

  test('a number that is not for sale is refused', async () => {
    const { double, provider } = await opened()
    await expect(provider.buy('+13125550999', 'mine')).rejects.toMatchObject({ name: 'ProviderRefused' })
    expect(double.owned()).toEqual({})
  })

  test('a provider that is busy says for how long', async () => {
    const { double, provider } = await opened()
    double.next({ status: 429, retryAfter: 7 })
    const busy = { name: 'ProviderUnavailable', retryAfterMs: 7_000, message: expect.stringContaining('trouble') }
    await expect(provider.buy(wanted, 'mine')).rejects.toMatchObject(busy)
    double.next({ status: 503 })
    await expect(provider.buy(wanted, 'mine')).rejects.toMatchObject({ name: 'ProviderUnavailable' })
  })

  test('what was bought without an answer is found and given back', async () => {
    const { double, provider } = await opened()
    double.next('answer lost')
    await expect(provider.buy(wanted, 'mine')).rejects.toMatchObject({ name: 'ProviderUnavailable' })
    await provider.release('mine')
    expect(double.owned()).toEqual({})
    expect((await provider.search('US', 5)).map(({ number }) => number)).toContain(wanted)
  })

  test('a provider that does not answer is not waited for', async () => {
    const { double, provider } = await opened({ timeoutMs: 100 })
    double.next('no answer')
    await expect(provider.buy(wanted, 'mine')).rejects.toMatchObject({ cause: { name: 'OutboundTimeout' } })
  })

  test('a wrong key is no refusal: it may be put right', async () => {
    const { provider } = await opened({ env: { TELNYX_API_KEY: 'wrong', TWILIO_AUTH_TOKEN: 'wrong' } })
    await expect(provider.search('US', 1)).rejects.toMatchObject({ name: 'ProviderUnavailable' })
  })
})

test('Telnyx: a number that was given back and sold to us again is not given back twice', async () => {
  const { double, provider } = await open(startTelnyx)
  await provider.buy(wanted, 'first')
  await provider.release('first')
  await provider.buy(wanted, 'second')
  await provider.release('first')
  expect(double.owned()).toEqual({ [wanted]: 'second' })
})

test('Telnyx: an order that is still pending cannot be given back yet', async () => {
  const { double, provider } = await open(startTelnyx)
  double.stall()
  double.next('answer lost')
  await expect(provider.buy(wanted, 'mine')).rejects.toThrow()
  await expect(provider.release('mine')).rejects.toMatchObject({ name: 'ProviderUnavailable' })
})

test('Twilio: a country without numbers is refused, and what is bought is put on the trunk', async () => {
  const { double, provider } = await open(startTwilio)
  await expect(provider.search('AQ', 5)).rejects.toMatchObject({ name: 'ProviderRefused', status: 404 })
  await provider.buy(wanted, 'mine')
  expect(double.incoming[0]).toMatchObject({ trunk_sid: 'TKdouble' })
})

test('settings that are missing are named', () => {
  expect(() => readSettings(numberSettings, { NUMBER_PROVIDER: 'telnyx' })).toThrow('TELNYX_API_KEY')
  expect(() => readSettings(numberSettings, { NUMBER_PROVIDER: 'twilio', TWILIO_ACCOUNT_SID: 'AC' })).toThrow(
    'TWILIO_AUTH_TOKEN',
  )
})
