// G.711. Decoding follows the formulas of the recommendation; encoding takes the nearest decodable value, so the two
// cannot disagree.

type Codec = 'PCMU' | 'PCMA'

function decodeMulaw(byte: number): number {
  const code = ~byte & 0xff
  const magnitude = (((code & 0x0f) << 3) + 0x84) << ((code >> 4) & 0x07)
  return code & 0x80 ? 0x84 - magnitude : magnitude - 0x84
}

function decodeAlaw(byte: number): number {
  const code = byte ^ 0x55
  const exponent = (code >> 4) & 0x07
  const mantissa = ((code & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1)
  return code & 0x80 ? magnitude : -magnitude
}

function tables(decodeByte: (byte: number) => number) {
  const decode = Int16Array.from({ length: 256 }, (_, byte) => decodeByte(byte))
  const levels = [...decode].map((value, byte) => ({ value, byte })).sort((a, b) => a.value - b.value)
  const encode = new Uint8Array(65_536)
  for (let sample = -32_768, i = 0; sample <= 32_767; sample++) {
    while (i + 1 < levels.length && levels[i + 1]!.value - sample <= Math.abs(sample - levels[i]!.value)) i++
    encode[sample & 0xffff] = levels[i]!.byte
  }
  return { decode, encode }
}

const laws = { PCMU: tables(decodeMulaw), PCMA: tables(decodeAlaw) }

/** RTP payload → 16-bit samples at 8 kHz. */
export function decodeG711(codec: Codec, payload: Uint8Array): Int16Array {
  return Int16Array.from(payload, (byte) => laws[codec].decode[byte]!)
}

/** 16-bit samples at 8 kHz → RTP payload. */
export function encodeG711(codec: Codec, samples: Int16Array): Buffer {
  return Buffer.from(Array.from(samples, (sample) => laws[codec].encode[sample & 0xffff]!))
}
