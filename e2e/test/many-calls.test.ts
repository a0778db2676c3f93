import { expect, test } from 'vitest'
import { createPhone, startSidetone } from '../src/index.ts'

const count = 50
/** Each call has a tone of its own, so that none can be taken for another. */
const frequencyOf = (index: number) => 400 + 50 * index

test('fifty calls at once: each hears itself and nobody else, and each ends once', async () => {
  const sidetone = await startSidetone({ env: { CALL_MAX_CONCURRENT: '200', CALL_MAX_PER_SECOND: '200' } })
  const phone = await createPhone({ server: { host: sidetone.host, port: sidetone.sipPort }, username: 'carrier' })
  const calls = await Promise.all(
    Array.from({ length: count }, async () => {
      const call = await phone.call(`sip:+15550100001@${sidetone.host}`)
      await call.answered
      return call
    }),
  )
  await Promise.all(
    calls.map(async (call, index) => {
      void call.play({ frequency: frequencyOf(index), durationMs: 10_000 })
      await call.waitForTone(frequencyOf(index), { timeoutMs: 10_000, minMs: 500 })
    }),
  )
  await Promise.all(calls.map((call) => call.hangup()))
  for (const { packets } of calls) expect(packets.lost).toBe(0)

  const rest = async (path: string) => {
    const response = await fetch(`${sidetone.url}/v1.0${path}&accesskey=${sidetone.accesskey}`)
    return ((await response.json()) as { result: Record<string, unknown>[] }).result
  }
  const legs = () => rest('/calls?page_size=100')
  await expect
    .poll(async () => (await legs()).filter(({ status }) => status === 'hangup').length, { timeout: 20_000 })
    .toBe(count)
  for (const { id, hangup_by, hangup_reason } of await legs()) {
    expect({ hangup_by, hangup_reason }).toEqual({ hangup_by: 'remote', hangup_reason: 'normal' })
    const told = () => rest(`/timelines/calls/${id}/events?page_size=100`)
    await expect
      .poll(async () => (await told()).filter(({ event_type }) => event_type === 'call_hangup').length)
      .toBe(1)
  }
  await phone.close()
  expect(await sidetone.stop()).toBe(0)
}, 90_000)
