import { setTimeout as sleep } from 'node:timers/promises'
import { stereoWav, wavHeaderBytes } from './stereo-wav.ts'
import { alreadyStored, download, type Stored, type StoreParts, storedPath } from './store-recording.ts'

const [tries, tryMs] = [40, 50]

/**
 * Moves the recordings of both sides of a call into the file store as one stereo file, and deletes with them the one of the
 * whole call, which has told when they end. Undefined when neither the node has both nor the store has the file.
 */
export async function storeSides(
  parts: StoreParts,
  { name, key }: { name: string; key: string },
  sides: [string, string],
): Promise<Stored | undefined> {
  const { request, files } = parts
  for (const side of sides) await ended(parts, side)
  const [left, right] = await Promise.all(sides.map((side) => download(parts, side)))
  let stored: Stored | undefined
  if (left?.length && right?.length) {
    const expected = wavHeaderBytes + 2 * (Math.max(left.length, right.length) - wavHeaderBytes)
    const body = ReadableStream.from(stereoWav(left.body, right.body, expected))
    const { size, sha256 } = await files.put(key, body, { contentType: 'audio/wav' })
    // Only what has arrived whole is deleted where it came from.
    if (size !== expected) throw new Error(`the recording is incomplete: ${size} of ${expected} bytes`)
    stored = { filesize: size, sha256 }
  } else {
    await Promise.all([left?.body.cancel(), right?.body.cancel()])
    stored = await alreadyStored(files, key)
  }
  if (stored) for (const each of [name, ...sides]) await request({ method: 'DELETE', path: storedPath(each) })
  return stored
}

/** Its channel was hung up; it is a file when the node has closed it. */
async function ended({ request }: StoreParts, name: string): Promise<void> {
  for (let n = 0; n < tries; n++) {
    const { status } = await request({ method: 'GET', path: `recordings/live/${encodeURIComponent(name)}` })
    if (status === 404) return
    await sleep(tryMs)
  }
  throw new Error('a side of the call is still being recorded')
}
