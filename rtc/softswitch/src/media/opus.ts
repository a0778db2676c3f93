import { Application, createDecoder, createEncoder, loadLibopus, type OpusDecoderHandle, Signal } from 'libopus-wasm'
import type { Decoder, Encoder } from './codec.ts'
import { newFrame, wideRateHz, wideSamples } from './frame.ts'
import type { Frame } from './types.ts'

/*
 * Opus (RFC 6716) as phones use it: one channel, coded and decoded at 16 kHz, which its payloads do not show. It runs as
 * WebAssembly, in which an encoder is made asynchronously: what is to be coded before that is not sent.
 */

const bitrate = 24_000
// Measured (libopus 1.6.1, 20 ms of speech-like sound): above 5 the time grows faster than what is heard of it.
const complexity = 5
const longestSamples = (120 * wideRateHz) / 1000

/** Compiles the library; what is made afterwards is ready within its tick. */
export const loadOpus = (): Promise<unknown> => loadLibopus()

/** Uses something that will be there soon, and frees it whenever that is. */
function soon<T extends { free(): void }>(made: Promise<T>) {
  let handle: T | undefined
  let isClosed = false
  made.then(
    (ready) => {
      if (isClosed) ready.free()
      else handle = ready
    },
    () => {}, // out of memory: as if every packet were lost
  )
  return {
    get: () => handle,
    close() {
      isClosed = true
      handle?.free()
      handle = undefined
    },
  }
}

export function createOpusEncoder(): Encoder {
  const voice = { application: Application.Voip, signal: Signal.Voice, bitrate, complexity, fec: true }
  const format = { channels: 1, sampleRate: wideRateHz, frameSize: wideSamples } as const
  const encoder = soon(createEncoder({ ...format, ...voice }))
  return {
    encode(frame, packet, offset) {
      const payload = encoder.get()?.encode(frame)
      if (!payload) return 0
      packet.set(payload, offset)
      return payload.length
    },
    // Forward error correction costs bits, so the encoder spends them only as far as it is told of loss.
    setLoss: (share) => encoder.get()?.setPacketLossPercent(Math.round(100 * Math.min(1, share))),
    close: encoder.close,
  }
}

export function createOpusDecoder(): Decoder {
  const decoder = soon(createDecoder({ channels: 1, sampleRate: wideRateHz, maxFrameSize: longestSamples }))
  const nothing = newFrame(wideSamples)

  /** A payload that cannot be decoded counts as lost. */
  function attempt(decode: (handle: OpusDecoderHandle) => Frame): Frame | undefined {
    const handle = decoder.get()
    try {
      return handle && decode(handle)
    } catch {
      return undefined
    }
  }
  const concealed = (frameSize: number) =>
    attempt((handle) => handle.decodePacketLoss(frameSize)) ?? nothing.subarray(0, frameSize)

  return {
    decode: (payload) => attempt((handle) => handle.decode(payload)) ?? concealed(wideSamples),
    conceal(samples, next) {
      const corrected = next && attempt((handle) => handle.decode(next, { decodeFec: true, frameSize: samples }))
      return corrected ?? concealed(samples)
    },
    close: decoder.close,
  }
}
