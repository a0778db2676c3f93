import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { createMediaEngine, toneSource } from '../../src/media/index.ts'
import { isRtcp, ntpMiddleOf, parseRtcp, writeRtcp } from '../../src/media/rtcp.ts'
import type { RemoteMedia } from '../../src/media/types.ts'

const engine = createMediaEngine({ bindAddress: '127.0.0.1', portMin: 0, portMax: 0 })
afterEach(() => engine.close())

const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const blocks = fc.record({
  ssrc: uint32,
  fractionLost: fc.integer({ min: 0, max: 255 }).map((value) => value / 256),
  lost: fc.integer({ min: -0x800000, max: 0x7fffff }),
  highestSequence: uint32,
  jitter: uint32,
  lastReport: uint32,
  sinceLastReport: uint32,
})

test('what is written is read again', () => {
  const cname = fc.base64String({ minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(uint32, cname, fc.option(blocks), fc.boolean(), fc.boolean(), (ssrc, cname, block, sends, bye) => {
      const sender = sends ? { sentAtMs: 1_795_960_383_250, rtpTime: 7, packets: 8, bytes: 9 } : undefined
      const bytes = writeRtcp({ ssrc, cname, sender, block: block ?? undefined, bye })
      expect(bytes.length % 4).toBe(0)
      expect(isRtcp(bytes)).toBe(true)
      expect(parseRtcp(bytes)).toEqual({
        ssrc,
        ...(sender && { sender: { ntpMiddle: ntpMiddleOf(sender.sentAtMs), packets: 8 } }),
        blocks: block ? [block] : [],
        bye,
      })
    }),
  )
})

test('nothing that arrives makes the parser throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseRtcp(Buffer.from(bytes))))
  const whole = writeRtcp({ ssrc: 1, cname: 'a', sender: undefined, block: undefined, bye: true })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
      const changed = Buffer.from(whole)
      changed[at] = value
      parseRtcp(changed)
      parseRtcp(changed.subarray(0, at))
    }),
  )
})

/** Two who talk; of what the first says, the network loses every tenth packet. */
async function lossyCall(how: Partial<RemoteMedia>) {
  const [caller, callee] = [await engine.openSession(), await engine.openSession()]
  const network = createSocket('udp4')
  onTestFinished(() => void network.close())
  network.bind(0, '127.0.0.1')
  await once(network, 'listening')
  let passed = 0
  network.on('message', (bytes, from) => {
    const to = from.port === caller.localPort ? callee : caller
    if (to === callee && !isRtcp(bytes) && ++passed % 10 === 0) return
    network.send(bytes, to.localPort, '127.0.0.1')
  })
  const { port } = network.address()
  for (const [session, other] of [
    [caller, callee],
    [callee, caller],
  ] as const) {
    session.setRemote({
      ...{ address: '127.0.0.1', port, codec: 'PCMU' },
      ...{ rtcpPort: how.rtcpMux ? undefined : other.localPort + 1 },
      ...how,
    })
    session.play(toneSource({ frequencies: [440] }))
  }
  return { caller, callee }
}

test.each([{ rtcpMux: true }, { rtcpMux: false }])(
  'both sides learn what the other hears, and how long a round trip takes: %j',
  async (how) => {
    const { caller, callee } = await lossyCall(how)
    await expect
      .poll(() => caller.quality()!.said.lossShare.mean > 0 && callee.quality()!.roundTripMs.mean > 0, {
        timeout: 14_000,
        interval: 50,
      })
      .toBe(true)
    const [atCaller, atCallee] = [caller.quality()!, callee.quality()!]
    expect(atCallee.heard.lost / (atCallee.heard.lost + atCallee.heard.packets)).toBeCloseTo(0.1, 1)
    expect(atCallee.heard.lossShare.mean).toBeCloseTo(0.1, 1)
    expect(atCaller.said.lossShare.mean).toBeCloseTo(0.1, 1)
    expect(atCaller.said.lost).toBeGreaterThan(0)
    expect(atCaller.heard.lost).toBe(0)
    expect(atCallee.roundTripMs.mean).toBeLessThan(500)
    expect(atCaller.said.ssrc).toBe(atCallee.heard.ssrc)
    expect(atCaller.said.bytes).toBe(160 * atCaller.said.packets)
  },
)

test('a session that ends says goodbye, and strangers are not believed', async () => {
  const peer = createSocket('udp4')
  const stranger = createSocket('udp4')
  onTestFinished(() => {
    peer.close()
    stranger.close()
  })
  peer.bind(0, '127.0.0.1')
  stranger.bind(0, '127.0.0.1')
  await Promise.all([once(peer, 'listening'), once(stranger, 'listening')])
  const heard: Buffer[] = []
  peer.on('message', (bytes) => isRtcp(bytes) && heard.push(bytes))
  const session = await engine.openSession()
  session.setRemote({ address: '127.0.0.1', port: peer.address().port, codec: 'PCMU', rtcpMux: true })
  const ssrc = session.quality()!.said.ssrc
  const lie = { ssrc, fractionLost: 1, lost: 999, highestSequence: 0, jitter: 0, lastReport: 0, sinceLastReport: 0 }
  const report = writeRtcp({ ssrc: 5, cname: 'x', sender: undefined, block: lie, bye: false })
  stranger.send(report, session.localPort, '127.0.0.1')
  await expect.poll(() => session.stats.packetsForeign).toBe(1)
  expect(session.quality()!.said.lost).toBe(0)
  peer.send(report, session.localPort, '127.0.0.1')
  await expect.poll(() => session.quality()!.said.lost).toBe(999)
  await expect.poll(() => session.stats.packetsSent).toBeGreaterThan(0)
  session.close()
  await expect.poll(() => heard.map((bytes) => parseRtcp(bytes)?.bye)).toEqual([true])
})
