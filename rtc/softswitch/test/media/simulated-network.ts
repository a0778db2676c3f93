import { setImmediate } from 'node:timers/promises'
import { codecs } from '../../src/media/codecs.ts'
import { createJitterBuffer } from '../../src/media/jitter-buffer.ts'
import type { CodecName, Frame } from '../../src/media/types.ts'

export interface Network {
  codec?: CodecName
  seconds?: number
  /** How long a packet is on its way, in ms; `null` loses it, more than one doubles it. */
  travel?: (packet: number) => number | null | number[]
  /** How many millionths the sender's clock is faster than ours. */
  fasterPpm?: number
  /** What is said: the sample at that time. */
  sound: (ms: number) => number
  /** Silence in place of sound, without packets. */
  isPaused?: (ms: number) => boolean
  /** The share of loss that the sender is told of. */
  toldLoss?: number
  /** Timestamp of the first packet. */
  firstTimestamp?: number
}

/** Numbers from 0 to 1 that are the same in each run. */
export function dice(seed = 1) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Sends sound through a codec and a network into a jitter buffer, on a clock of its own, and says what was heard when. */
export async function through({ seconds = 5, travel = () => 30, fasterPpm = 0, sound, ...options }: Network) {
  const codec = codecs[options.codec ?? 'PCMU']
  const samplesPerMs = codec.frameSamples / 20
  const encoder = codec.createEncoder()
  const buffer = createJitterBuffer(codec)
  await setImmediate() // the encoder of Opus needs a moment
  encoder.setLoss?.(options.toldLoss ?? 0)
  const packet = Buffer.alloc(codec.maxBytes)
  const arrivals: { atMs: number; number: number; timestamp: number; payload: Buffer }[] = []
  for (let number = 0; number < 50 * seconds; number++) {
    const frame: Frame = Int16Array.from({ length: codec.frameSamples }, (_, i) =>
      sound(number * 20 + i / samplesPerMs),
    )
    const bytes = encoder.encode(frame, packet, 0)
    const payload = Buffer.from(packet.subarray(0, bytes))
    const sentAtMs = (number * 20) / (1 + fasterPpm / 1e6)
    const timestamp = ((options.firstTimestamp ?? 0) + (number * codec.clockHz) / 50) >>> 0
    if (options.isPaused?.(number * 20)) continue
    for (const ms of [travel(number) ?? []].flat()) arrivals.push({ atMs: sentAtMs + ms, number, timestamp, payload })
  }
  arrivals.sort((a, b) => a.atMs - b.atMs)
  const heard = new Int16Array(seconds * 50 * codec.frameSamples)
  let newest = -1
  for (let tick = 0; tick < 50 * seconds; tick++) {
    const nowMs = tick * 20 + 7
    while (arrivals[0] && arrivals[0].atMs <= nowMs) {
      const { number, atMs, ...rtp } = arrivals.shift()!
      buffer.write(rtp, number > newest, atMs)
      newest = Math.max(newest, number)
    }
    const frame = buffer.read(nowMs)
    if (frame) heard.set(frame, tick * codec.frameSamples)
  }
  buffer.close()
  encoder.close?.()
  const rateHz = samplesPerMs * 1000
  return {
    rateHz,
    counters: buffer.counters,
    /** What was heard from then on; times are those of the listener. */
    heard: (fromMs = 0, toMs = seconds * 1000) => heard.subarray(fromMs * samplesPerMs, toMs * samplesPerMs),
  }
}

/** Root mean square of each stretch of 10 ms. */
export const loudnesses = (samples: Int16Array, rateHz: number): number[] => {
  const length = rateHz / 100
  return Array.from({ length: Math.floor(samples.length / length) }, (_, block) => {
    let sum = 0
    for (let i = 0; i < length; i++) sum += samples[block * length + i]! ** 2
    return Math.sqrt(sum / length)
  })
}
