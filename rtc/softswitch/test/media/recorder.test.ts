import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createMediaEngine, recordWav, sequenceSource, silenceSource, toneSource } from '../../src/media/index.ts'
import type { AudioSink, AudioSource } from '../../src/media/types.ts'
import { parseWav } from '../../src/media/wav.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { strongestFrequency } from './tones-heard.ts'

const tone = (frequency: number, durationMs: number) => toneSource({ frequencies: [frequency], durationMs })

function pour(source: AudioSource, sink: AudioSink) {
  for (let frame = source.next(); frame; frame = source.next()) sink.write(frame)
}

async function samplesIn(path: string): Promise<Int16Array> {
  const wav = parseWav(await readFile(path))
  return Int16Array.from({ length: wav.length }, (_, at) => wav.sample(at))
}

const path = async () => join(await temporaryFolder(), 'recording.wav')

test('a recording holds what was written and says how long it is and how much of it is talk', async () => {
  const recorder = recordWav({ path: await path() })
  pour(sequenceSource([tone(500, 1300), silenceSource(400), tone(900, 800)]), recorder)
  const result = await recorder.stop()
  expect(result).toMatchObject({ durationMs: 2500, talkingMs: 2100, sizeBytes: 44 + 2500 * 16 })
  expect(await recorder.ended).toBe('stopped')
  const samples = await samplesIn(result.path)
  expect(samples.length).toBe(20_000)
  expect(strongestFrequency(samples.slice(0, 10_400))).toBe(500)
  expect(samples.slice(10_400, 13_600).every((sample) => sample === 0)).toBe(true)
  expect(strongestFrequency(samples.slice(13_600))).toBe(900)
  expect((await readFile(result.path)).length).toBe(result.sizeBytes)
})

test('the file is whole while it is being recorded, and so after a crash', async () => {
  const file = await path()
  const recorder = recordWav({ path: file })
  pour(tone(500, 2500), recorder)
  await vi.waitFor(async () => {
    const bytes = await readFile(file)
    expect(bytes.readUInt32LE(40)).toBe(32_000) // the two full seconds
    expect(bytes.length).toBe(44 + 32_000)
  })
  await recorder.stop()
})

test('what is said while it pauses is left out', async () => {
  const recorder = recordWav({ path: await path() })
  pour(tone(500, 200), recorder)
  recorder.pause()
  pour(tone(700, 200), recorder)
  recorder.resume()
  pour(tone(900, 200), recorder)
  const { path: file, durationMs } = await recorder.stop()
  expect(durationMs).toBe(400)
  const samples = await samplesIn(file)
  expect([strongestFrequency(samples.slice(0, 1600)), strongestFrequency(samples.slice(1600))]).toEqual([500, 900])
})

test('it ends by itself at its longest duration', async () => {
  const recorder = recordWav({ path: await path(), maxDurationMs: 1000 })
  pour(tone(500, 3000), recorder)
  expect(await recorder.ended).toBe('maxDuration')
  expect((await recorder.stop()).durationMs).toBe(1000)
})

test('it ends by itself after its longest silence, which talk begins anew and line noise does not', async () => {
  const recorder = recordWav({ path: await path(), maxSilenceMs: 300 })
  const noise = toneSource({ frequencies: [50], durationMs: 2000, amplitude: 100 })
  pour(sequenceSource([silenceSource(200), tone(500, 100), silenceSource(280), tone(500, 100), noise]), recorder)
  expect(await recorder.ended).toBe('maxSilence')
  expect(await recorder.stop()).toMatchObject({ durationMs: 980, talkingMs: 200 })
})

test('a folder that does not exist ends the recording with an error that names the file', async () => {
  const missing = join(await temporaryFolder(), 'missing', 'recording.wav')
  const recorder = recordWav({ path: missing })
  expect(await recorder.ended).toBe('error')
  await expect(recorder.stop()).rejects.toThrow(/the recording .*recording\.wav failed: ENOENT/)
})

test.skipIf(!existsSync('/dev/full'))('a full disk ends the recording with an error', async () => {
  const recorder = recordWav({ path: '/dev/full' })
  pour(tone(500, 1500), recorder)
  await expect(recorder.stop()).rejects.toThrow('ENOSPC')
  expect(await recorder.ended).toBe('error')
})

test('time in which a peer sends nothing is recorded as silence', async () => {
  const engine = createMediaEngine({ bindAddress: '127.0.0.1', portMin: 0, portMax: 0 })
  const [caller, callee] = [await engine.openSession(), await engine.openSession()]
  caller.setRemote({ address: '127.0.0.1', port: callee.localPort, codec: 'PCMU' })
  callee.setRemote({ address: '127.0.0.1', port: caller.localPort, codec: 'PCMU' })
  const recorder = recordWav({ path: await path() })
  callee.addSink(recorder)
  const start = performance.now()
  await caller.play(tone(500, 200)).done
  await sleep(300)
  await caller.play(tone(900, 200)).done
  await sleep(100)
  const elapsedMs = performance.now() - start
  const { path: file, durationMs } = await recorder.stop()
  engine.close()
  expect(Math.abs(durationMs - elapsedMs)).toBeLessThan(60)
  const samples = await samplesIn(file)
  const isLoud = (sample: number) => Math.abs(sample) > 500
  const first = samples.findIndex(isLoud)
  const pause = samples.slice(first + 1800, first + 3800)
  expect(pause.every((sample) => Math.abs(sample) < 50)).toBe(true)
  const last = samples.findLastIndex(isLoud)
  expect(Math.abs((last - first) / 8 - 700)).toBeLessThan(60)
})
