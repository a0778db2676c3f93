import { parseWav } from './wav.ts'

/** Mono 16-bit samples that can be played by many at once, decoded as they are asked for. */
export interface Clip {
  rateHz: number
  length: number
  sample(at: number): number
  /** What keeping it costs. */
  bytes: number
}

/** What a file begins with: a RIFF header, an ID3 tag, or the sync word of an MPEG frame (ISO 11172-3 section 2.4.1.3). */
type AudioFile = 'wav' | 'mp3' | 'unknown'

function audioFileKind(bytes: Buffer): AudioFile {
  if (bytes.toString('latin1', 0, 4) === 'RIFF') return 'wav'
  if (bytes.toString('latin1', 0, 3) === 'ID3') return 'mp3'
  const isFrame = bytes.length > 4 && bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0
  return isFrame && (bytes[1]! & 0x06) === 0x02 ? 'mp3' : 'unknown' // layer III
}

/** Reads a WAV or MP3 file; rejects with an error that says what is wrong with it. */
export async function readClip(bytes: Buffer, decodeMp3: (bytes: Buffer) => Promise<Clip>): Promise<Clip> {
  switch (audioFileKind(bytes)) {
    case 'wav':
      return parseWav(bytes)
    case 'mp3':
      return decodeMp3(bytes)
    case 'unknown':
      throw new Error(`the ${bytes.length} bytes are neither WAV nor MP3`)
  }
}
