/** A law as tables. */
export interface Law {
  /** 8-bit code → sample. */
  decode: Int16Array
  /** Sample as unsigned 16 bit (`sample & 0xffff`) → 8-bit code. */
  encode: Uint8Array
}

// G.711 table 2: 14-bit samples, a bias of 33, all bits of the code inverted.
function decodeMuLaw(code: number): number {
  const inverted = ~code & 0xff
  const segment = (inverted >> 4) & 7
  const magnitude = ((((inverted & 0x0f) << 1) + 33) << segment) - 33
  return (inverted & 0x80 ? -magnitude : magnitude) * 4
}

// G.711 table 1: 13-bit samples, even bits of the code inverted, a set sign bit is positive.
function decodeALaw(code: number): number {
  const plain = code ^ 0x55
  const segment = (plain >> 4) & 7
  const step = ((plain & 0x0f) << 1) + 1
  const magnitude = segment === 0 ? step : (step + 32) << (segment - 1)
  return (plain & 0x80 ? magnitude : -magnitude) * 8
}

// Both laws keep 4 bits below the highest set bit of the (biased) magnitude; the rest is cut off.
function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min((sample < 0 ? ~sample : sample) >> 2, 8158) + 33
  const segment = 26 - Math.clz32(magnitude)
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f)) & 0xff
}

function encodeALaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80
  const magnitude = (sample < 0 ? ~sample : sample) >> 3
  const segment = Math.max(0, 27 - Math.clz32(magnitude))
  return (sign | (segment << 4) | ((magnitude >> Math.max(1, segment)) & 0x0f)) ^ 0x55
}

const tables = (encode: (sample: number) => number, decode: (code: number) => number): Law => ({
  decode: Int16Array.from({ length: 256 }, (_, code) => decode(code)),
  encode: Uint8Array.from({ length: 65_536 }, (_, unsigned) => encode((unsigned << 16) >> 16)),
})

export const muLaw = tables(encodeMuLaw, decodeMuLaw)
export const aLaw = tables(encodeALaw, decodeALaw)
