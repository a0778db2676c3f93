import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type CapturedMessage, parseHep } from '@sidetone/hep'
import { describe, expect, test } from 'vitest'
import { asteriskAbsent, startAsteriskTelling } from './ari/asterisk.ts'
import { openLab, type Target } from './ari/lab.ts'
import { startTestSwitch } from './start-test-switch.ts'

const startSwitch = async (hepPort: number): Promise<Target> => {
  const hepCollector = { address: '127.0.0.1', port: hepPort }
  const { access, sipPort, close } = await startTestSwitch({ hepCollector })
  return { ...access, host: '127.0.0.1', sipPort, stop: close }
}

describe('copies of SIP messages', () => {
  test('the softswitch sends them', () => sendsCopies(startSwitch))

  if (asteriskAbsent) console.info(`Asterisk is skipped: ${asteriskAbsent}`)
  test.skipIf(asteriskAbsent && process.env.SIDETONE_REQUIRE !== 'all')('Asterisk sends them', () =>
    sendsCopies((hepPort) => startAsteriskTelling(`127.0.0.1:${hepPort}`)),
  )
})

async function sendsCopies(start: (hepPort: number) => Promise<Target>) {
  const heard: CapturedMessage[] = []
  const collector = createSocket('udp4').bind(0, '127.0.0.1')
  await once(collector, 'listening')
  collector.on('message', (packet) => heard.push(parseHep(packet)!))
  const target = await start(collector.address().port)
  const lab = await openLab(target)
  try {
    const begunUs = Date.now() * 1_000
    const { call } = await lab.answered()
    await call.hangup()

    const { callId } = call
    const ofCall = () => heard.filter(({ payload }) => payload.includes(callId))
    const lines = () =>
      ofCall().map(({ payload }) =>
        payload
          .toString()
          .split('\r\n', 1)[0]!
          .replace(/ sip:.*/, ''),
      )
    await expect.poll(() => lines().slice(-2)).toEqual(['BYE', 'SIP/2.0 200 OK'])
    expect(lines()).toEqual(expect.arrayContaining(['INVITE', 'SIP/2.0 200 OK', 'ACK']))
    for (const { payload, protocol, srcAddress, dstAddress, srcPort, dstPort, timeUs } of ofCall()) {
      const received = !payload.toString().startsWith('SIP/2.0')
      expect([protocol, srcAddress, dstAddress]).toEqual(['UDP', '127.0.0.1', '127.0.0.1'])
      expect(received ? dstPort : srcPort).toBe(target.sipPort)
      expect(Math.abs(timeUs - begunUs)).toBeLessThan(30_000_000)
    }
  } finally {
    await lab.close()
    await target.stop()
    collector.close()
  }
}
