import type { CodecName, Frame } from './types.ts'

/** Frames to payloads, in order: one frame at the codec's own rate makes one payload. */
export interface Encoder {
  /** Writes at `offset` and says how many bytes; 0 while the encoder is not ready. */
  encode(frame: Frame, packet: Buffer, offset: number): number
  /** The share of our packets that the peer misses, 0 to 1: an encoder that can will help it. */
  setLoss?(share: number): void
  close?(): void
}

/** Payloads to samples, in order. What it returns is overwritten by the next call. */
export interface Decoder {
  decode(payload: Uint8Array): Frame
  /** Samples in the place of what was lost; `next` is the packet after it, if that is here already. */
  conceal(samples: number, next?: Uint8Array): Frame
  close?(): void
}

/** What a codec is on the wire and inside. */
export interface Codec {
  /** Of RFC 3551 section 6, or the dynamic one of our offers. */
  payloadType: number
  /** Of its RTP timestamps. */
  clockHz: number
  /** Of its audio inside: samples in 20 ms, 160 or 320. */
  frameSamples: number
  /** The most bytes that 20 ms take. */
  maxBytes: number
  createEncoder(): Encoder
  createDecoder(): Decoder
}

export type Codecs = Record<CodecName, Codec>
