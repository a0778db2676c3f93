import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { header } from '../src/sip/message.ts'
import { offer } from './sip/raw-peer.ts'
import { openSwitchLab } from './switch-lab.ts'

// What a switch on the open internet meets on its first day.
const audio = offer('m=audio 40000 RTP/AVP 0')
const lab = openSwitchLab({ trustedCidrs: ['127.0.0.1/32'], maxUtilization: 0.3 })
const { peer } = lab
const patient = { timeout: 8_000 }
const counted = async (name: string) => (await lab.server.metrics())[name] ?? 0

test('a scanner hears nothing, and whoever else is at its address is heard', async () => {
  const raw = await peer('127.0.0.51')
  for (const tool of ['friendly-scanner', 'sipcli/v1.8', 'SIPVicious']) {
    for (const method of ['OPTIONS', 'REGISTER', 'INVITE']) raw.send(method, { headers: [`User-Agent: ${tool}`] })
  }
  await expect.poll(() => counted('sip_scanners_dropped'), patient).toBe(9)
  expect((await raw.ask('OPTIONS', { headers: ['User-Agent: Phone/1.0'] })).status).toBe(200)
  expect(raw.received).toEqual([])
})

test.each([
  ['OPTIONS', '127.0.0.52'],
  ['REGISTER', '127.0.0.53'],
  ['INVITE', '127.0.0.54'],
])('a flood of %s is answered as far as its limit, then no more', async (method, host) => {
  const raw = await peer(host)
  const uri = method === 'REGISTER' ? 'sip:127.0.0.1' : 'sip:+15550100000@127.0.0.1'
  const sent = 150
  for (let i = 0; i < sent; i++) raw.send(method, { uri, from: 'sip:x@127.0.0.1', to: '<sip:x@127.0.0.1>' })
  const limited = () => counted(`sip_${method.toLowerCase()}_limited`)
  await expect.poll(limited, patient).toBeGreaterThan(30)
  const final = new Set(
    raw.received.flatMap((one) => (one.kind === 'response' && one.status >= 200 ? [one.callId] : [])),
  )
  expect(final.size).toBeGreaterThanOrEqual(10)
  expect(final.size + (await limited())).toBeLessThanOrEqual(sent)
  const calm = await peer('127.0.0.55')
  expect((await calm.ask('OPTIONS')).status).toBe(200)
})

test('a house full of phones is not limited once one of them has shown who it is', async () => {
  const raw = await peer('127.0.0.56')
  const aor = { uri: 'sip:127.0.0.1', from: 'sip:1000@127.0.0.1', to: '<sip:1000@127.0.0.1>' }
  expect((await raw.askAs('1000', 'pass1000', 'REGISTER', aor)).status).toBe(200)
  const before = await counted('sip_options_limited')
  const answers = await Promise.all(Array.from({ length: 120 }, () => raw.ask('OPTIONS')))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  expect(await counted('sip_options_limited')).toBe(before)
})

test('over its limit the switch refuses new calls with 503 and when to come back, and keeps those that it has', {
  timeout: 50_000,
}, async () => {
  const carrier = await peer('127.0.0.1')
  const invite = { from: 'sip:+44@carrier.example', uri: 'sip:+15550100000@127.0.0.1', body: audio }
  /** Calls until there is room: the thread may still be busy with what was before. */
  async function getsIn() {
    let sent: ReturnType<typeof carrier.send>
    await expect
      .poll(
        async () => {
          sent = carrier.send('INVITE', invite)
          await sleep(200)
          return lab.ari.events.some(
            ({ type, channel }) => type === 'StasisStart' && channel.protocol_id === sent.callId,
          )
        },
        { timeout: 12_000, interval: 300 },
      )
      .toBe(true)
    const { channel } = await lab.ari.next('StasisStart', { channel: { protocol_id: sent!.callId } })
    return { id: channel.id as string, sent: sent! }
  }
  const { id, sent } = await getsIn()
  await lab.ari.post(`channels/${id}/answer`)
  const answer = await carrier.next((one) => one.kind === 'response' && one.status === 200)
  carrier.send('ACK', { ...sent, to: header(answer, 'to')! })

  let busy = true
  const work = Array.from({ length: 8 }, async () => {
    while (busy) await lab.ari.get('asterisk/info')
  })
  const refused = async () => {
    const response = await carrier.ask('INVITE', { ...invite, headers: ['X-Try: 1'] }).catch(() => undefined)
    return response && [response.status, header(response, 'retry-after')]
  }
  try {
    await expect.poll(() => counted('thread_utilization'), { timeout: 10_000 }).toBeGreaterThan(0.3)
    await expect.poll(refused, { timeout: 10_000, interval: 200 }).toEqual([503, '10'])
  } finally {
    busy = false
    await Promise.all(work)
  }
  expect(await counted('calls_refused_full')).toBeGreaterThan(0)
  expect((await lab.ari.get(`channels/${id}`)).body.state).toBe('Up')
  await getsIn()
})
