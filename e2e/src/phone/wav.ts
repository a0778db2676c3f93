/** Reads a 16-bit PCM WAV file; several channels stay interleaved. */
export function readWav(file: Buffer): { rateHz: number; channels: number; samples: Int16Array } {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error('not a WAV file: it does not begin with RIFF … WAVE')
  }
  let format: { rateHz: number; channels: number } | undefined
  for (let at = 12; at + 8 <= file.length; ) {
    const [name, size] = [file.toString('latin1', at, at + 4), file.readUInt32LE(at + 4)]
    const chunk = file.subarray(at + 8, at + 8 + size)
    if (name === 'fmt ') {
      if (chunk.readUInt16LE(0) !== 1 || chunk.readUInt16LE(14) !== 16) throw new Error('only 16-bit PCM WAV is read')
      format = { channels: chunk.readUInt16LE(2), rateHz: chunk.readUInt32LE(4) }
    }
    if (name === 'data') {
      if (!format) throw new Error('the WAV file has its data before its format')
      const samples = Int16Array.from({ length: chunk.length >> 1 }, (_, i) => chunk.readInt16LE(2 * i))
      return { ...format, samples }
    }
    at += 8 + size + (size % 2)
  }
  throw new Error('the WAV file has no data chunk')
}

/** A mono 16-bit WAV file. */
export function writeWav(samples: Int16Array, rateHz = 8000): Buffer {
  const file = Buffer.alloc(44 + 2 * samples.length)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(36 + 2 * samples.length, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20) // PCM
  file.writeUInt16LE(1, 22) // one channel
  file.writeUInt32LE(rateHz, 24)
  file.writeUInt32LE(2 * rateHz, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(2 * samples.length, 40)
  for (const [i, sample] of samples.entries()) file.writeInt16LE(sample, 44 + 2 * i)
  return file
}
