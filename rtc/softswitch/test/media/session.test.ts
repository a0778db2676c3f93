import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createMediaEngine, toneSource } from '../../src/media/index.ts'
import type { RemoteMedia } from '../../src/media/types.ts'
import { amplitudeAt, ear, loudPart, strongestFrequency } from './tones-heard.ts'

const engine = createMediaEngine({ bindAddress: '127.0.0.1', portMin: 0, portMax: 0 })
afterEach(() => engine.close())

async function call(media: Partial<RemoteMedia> = {}) {
  const [caller, callee] = [await engine.openSession(), await engine.openSession()]
  const at = (port: number): RemoteMedia => ({
    address: '127.0.0.1',
    port,
    codec: 'PCMU',
    telephoneEventPt: 101,
    ...media,
  })
  caller.setRemote(at(callee.localPort))
  callee.setRemote(at(caller.localPort))
  return { caller, callee }
}

test.each(['PCMU', 'PCMA'] as const)('a tone played over %s is heard with its frequency and level', async (codec) => {
  const { caller, callee } = await call({ codec })
  const heard = ear()
  callee.addSink(heard)
  const tone = toneSource({ frequencies: [440], durationMs: 500, amplitude: 8000 })
  expect(await caller.play(tone).done).toBe(true)
  await sleep(150)
  const part = loudPart(heard.samples())
  expect(part.length / 8).toBeGreaterThan(480)
  expect(part.length / 8).toBeLessThan(520)
  expect(Math.abs(strongestFrequency(part) - 440)).toBeLessThanOrEqual(5)
  expect(amplitudeAt(part, 440)).toBeGreaterThan(7600)
  expect(amplitudeAt(part, 440)).toBeLessThan(8200)
})

test('digits arrive once each, with their duration', async () => {
  const { caller, callee } = await call()
  const digits: [string, number][] = []
  callee.on('dtmf', (...digit) => digits.push(digit))
  await caller.sendDtmf('1*', { durationMs: 100, gapMs: 60 })
  await caller.sendDtmf('D#', { durationMs: 60, gapMs: 60 })
  await sleep(100)
  expect(digits).toEqual([
    ['1', 100],
    ['*', 100],
    ['D', 60],
    ['#', 60],
  ])
})
