/** As Asterisk writes it, and we do: PCM in 16 bits. */
export const wavHeaderBytes = 44
const pieceBytes = 16_000

/** One WAV file of two channels, `bytes` long, made of two of one channel; the shorter one is followed by silence. */
export async function* stereoWav(
  left: AsyncIterable<Uint8Array>,
  right: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Buffer> {
  const sides = [left, right].map(pieces)
  const [header] = await Promise.all(sides.map((side) => side.next()))
  yield stereoHeader(header?.value ?? Buffer.alloc(0), bytes)
  for (;;) {
    const [l, r] = (await Promise.all(sides.map((side) => side.next()))).map(({ value }) => value ?? nothing)
    const samples = Math.max(l!.length, r!.length) >> 1
    if (samples === 0) return
    const both = Buffer.alloc(4 * samples)
    for (let i = 0; 2 * i + 1 < l!.length; i++) both.writeInt16LE(l!.readInt16LE(2 * i), 4 * i)
    for (let i = 0; 2 * i + 1 < r!.length; i++) both.writeInt16LE(r!.readInt16LE(2 * i), 4 * i + 2)
    yield both
  }
}

const nothing = Buffer.alloc(0)

/** The header of a file, then its samples, in pieces of one size but for the last. */
async function* pieces(file: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let rest = nothing
  let size = wavHeaderBytes
  for await (const chunk of file) {
    rest = Buffer.concat([rest, chunk])
    for (; rest.length >= size; size = pieceBytes) {
      yield rest.subarray(0, size)
      rest = rest.subarray(size)
    }
  }
  if (rest.length > 0) yield rest
}

function stereoHeader(mono: Buffer, bytes: number): Buffer {
  if (mono.length !== wavHeaderBytes || mono.toString('latin1', 36, 40) !== 'data' || mono.readUInt32LE(20) !== 0x10001)
    throw new Error('the recording of a side is no plain WAV file of one channel')
  const header = Buffer.from(mono)
  const bytesPerSecond = mono.readUInt32LE(28)
  header.writeUInt32LE(bytes - 8, 4)
  header.writeUInt16LE(2, 22)
  header.writeUInt32LE(2 * bytesPerSecond, 28)
  header.writeUInt16LE(4, 32)
  header.writeUInt32LE(bytes - wavHeaderBytes, 40)
  return header
}
