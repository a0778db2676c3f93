/** A WAV file as some writer would make it. */
export function wavFile({
  samples = new Float64Array(),
  tag = 1,
  channels = 1,
  rateHz = 8000,
  bits = 16,
  encode = undefined as ((sample: number) => number) | undefined,
  dataSize = undefined as number | undefined,
  before = Buffer.of(),
}) {
  const data = Buffer.alloc((samples.length * bits) / 8)
  samples.forEach((sample, at) => {
    const rounded = Math.round(sample)
    if (encode) data[at] = encode(rounded)
    else if (bits === 8) data[at] = (rounded >> 8) + 128
    else data.writeIntLE(rounded * 2 ** (bits - 16), (bits / 8) * at, bits / 8)
  })
  const header = Buffer.alloc(24)
  header.write('fmt ', 0)
  header.writeUInt32LE(16, 4)
  header.writeUInt16LE(tag, 8)
  header.writeUInt16LE(channels, 10)
  header.writeUInt32LE(rateHz, 12)
  header.writeUInt32LE((rateHz * channels * bits) / 8, 16)
  header.writeUInt16LE((channels * bits) / 8, 20)
  header.writeUInt16LE(bits, 22)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(dataSize ?? data.length)
  const chunks = Buffer.concat([Buffer.from('WAVE'), before, header, Buffer.from('data'), size, data])
  const riffSize = Buffer.alloc(4)
  riffSize.writeUInt32LE(chunks.length)
  return Buffer.concat([Buffer.from('RIFF'), riffSize, chunks])
}

export const sine = (frequency: number, rateHz: number, ms: number, amplitude = 10_000) =>
  Float64Array.from(
    { length: (rateHz * ms) / 1000 },
    (_, at) => amplitude * Math.sin((2 * Math.PI * frequency * at) / rateHz),
  )
