const telephoneHz = 8000
const halfWidth = 16

/** A WAV file for telephones (8 kHz, 16 bits, mono), which softswitch and Asterisk play alike. */
export function telephoneWav(samples: Int16Array, rateHz: number): Uint8Array<ArrayBuffer> {
  const data = rateHz === telephoneHz ? samples : resampled(samples, rateHz)
  const wav = Buffer.alloc(44 + data.length * 2)
  wav.write('RIFF')
  wav.writeUInt32LE(36 + data.length * 2, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(telephoneHz, 24)
  wav.writeUInt32LE(telephoneHz * 2, 28)
  wav.writeUInt16LE(2, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(data.length * 2, 40)
  for (let index = 0; index < data.length; index++) wav.writeInt16LE(data[index]!, 44 + index * 2)
  return new Uint8Array(wav)
}

/** Through a windowed sinc below the new rate's half, so that sibilants do not fold down into the voice. */
function resampled(samples: Int16Array, rateHz: number): Int16Array {
  const step = rateHz / telephoneHz
  const reach = Math.ceil(halfWidth * step)
  const filters = new Map<number, Float64Array>()
  const out = new Int16Array(Math.floor(samples.length / step))
  for (let index = 0; index < out.length; index++) {
    // The places between two samples recur, so there are few filters to work out.
    const between = (index * rateHz) % telephoneHz
    const filter = filters.get(between) ?? sinc(between / telephoneHz, step, reach)
    filters.set(between, filter)
    const first = Math.floor((index * rateHz) / telephoneHz) - reach
    let sum = 0
    for (let tap = 0; tap < filter.length; tap++) sum += (samples[first + tap] ?? 0) * filter[tap]!
    out[index] = Math.max(-32768, Math.min(32767, Math.round(sum)))
  }
  return out
}

function sinc(fraction: number, step: number, reach: number): Float64Array {
  const cutoff = 0.92 / step
  return Float64Array.from({ length: 2 * reach + 1 }, (_, tap) => {
    const distance = tap - reach - fraction
    const window = Math.abs(distance) > reach ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * distance) / reach)
    const angle = Math.PI * cutoff * distance
    return window * cutoff * (angle === 0 ? 1 : Math.sin(angle) / angle)
  })
}
