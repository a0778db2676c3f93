/** G.711 μ-law, one byte a sample, and 16-bit signed little-endian PCM. */

const bias = 132
const loudest = 32_767 - bias

function decoded(code: number): number {
  const bits = ~code & 0xff
  const magnitude = ((((bits & 0x0f) << 3) + bias) << ((bits >> 4) & 7)) - bias
  return bits & 0x80 ? -magnitude : magnitude
}

function encoded(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), loudest) + bias
  const segment = 24 - Math.clz32(magnitude)
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff
}

const toPcm = Int16Array.from({ length: 256 }, (_, code) => decoded(code))
const toMulaw = Uint8Array.from({ length: 65_536 }, (_, unsigned) => encoded((unsigned << 16) >> 16))

export function mulawToPcm(mulaw: Buffer): Buffer {
  const pcm = Buffer.allocUnsafe(2 * mulaw.length)
  for (let i = 0; i < mulaw.length; i++) pcm.writeInt16LE(toPcm[mulaw[i]!]!, 2 * i)
  return pcm
}

/** Half a sample at the end is left out. */
export function pcmToMulaw(pcm: Buffer): Buffer {
  const mulaw = Buffer.allocUnsafe(pcm.length >> 1)
  for (let i = 0; i < mulaw.length; i++) mulaw[i] = toMulaw[pcm.readUInt16LE(2 * i)]!
  return mulaw
}
