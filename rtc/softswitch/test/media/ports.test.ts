import { expect, test } from 'vitest'
import { createMediaEngine } from '../../src/media/index.ts'

const portMin = 22_001 + 20 * Math.floor(Math.random() * 300)
const open = (portMin: number, portMax: number) => createMediaEngine({ bindAddress: '127.0.0.1', portMin, portMax })

test('sessions get even ports of the range; when all are in use the error names the settings, and a closed one is free again', async () => {
  const engine = open(portMin, portMin + 5)
  const sessions = [await engine.openSession(), await engine.openSession(), await engine.openSession()]
  expect(sessions.map((session) => session.localPort).toSorted()).toEqual([portMin + 1, portMin + 3, portMin + 5])
  await expect(engine.openSession()).rejects.toThrow(
    `all 3 RTP ports from RTP_PORT_MIN=${portMin} to RTP_PORT_MAX=${portMin + 5} are in use; widen the range`,
  )
  const rival = open(portMin, portMin + 5)
  await expect(rival.openSession()).rejects.toThrow('RTP_PORT_MIN')
  const freed = sessions[1]!.localPort
  sessions[1]!.close()
  await new Promise(setImmediate)
  expect((await engine.openSession()).localPort).toBe(freed)
  engine.close()
  expect(engine.metrics().sessionsActive).toBe(0)
})

test('without a range, ports are even as well', async () => {
  const engine = open(0, 0)
  for (let i = 0; i < 8; i++) expect((await engine.openSession()).localPort % 2).toBe(0)
  engine.close()
})

test.each([
  [2000, 1000],
  [1001, 1001],
  [0, 1000],
  [65_000, 70_000],
])('a range from %i to %i is refused', (min, max) => {
  expect(() => open(min, max)).toThrow(/RTP_PORT_MIN=\d+ to RTP_PORT_MAX=\d+ holds no even port/)
})

test('an address that this machine does not have is an error, not a hang', async () => {
  const engine = createMediaEngine({ bindAddress: '192.0.2.1', portMin, portMax: portMin + 5 })
  await expect(engine.openSession()).rejects.toThrow('EADDRNOTAVAIL')
})
