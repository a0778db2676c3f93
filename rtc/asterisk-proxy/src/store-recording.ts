import { createHash } from 'node:crypto'
import type { Files } from '@sidetone/files'
import type { AriReply, AriRequest } from './ari-socket.ts'

interface StoreParts {
  ariUrl: string
  authorization: string
  request: (request: AriRequest) => Promise<AriReply>
  files: Files
}

interface Stored {
  filesize: number
  sha256: string
}

const downloadMs = 45_000

/** Moves a recording from the node into the file store; undefined when neither has it. */
export async function storeRecording(
  { ariUrl, authorization, request, files }: StoreParts,
  { name, key }: { name: string; key: string },
): Promise<Stored | undefined> {
  const path = `recordings/stored/${encodeURIComponent(name)}`
  const response = await fetch(`${ariUrl}/${path}/file`, {
    headers: { authorization },
    signal: AbortSignal.timeout(downloadMs),
  })
  if (response.status === 404) return alreadyStored(files, key)
  if (!response.ok || !response.body) throw new Error(`the recording cannot be downloaded: ${response.status}`)

  const expected = response.headers.get('content-length')
  const { size, sha256 } = await files.put(key, response.body, { contentType: 'audio/wav' })
  // Only what has arrived whole is deleted where it came from.
  if (expected !== null && size !== Number(expected)) {
    throw new Error(`the recording is incomplete: ${size} of ${expected} bytes`)
  }
  await request({ method: 'DELETE', path })
  return { filesize: size, sha256 }
}

/** An earlier attempt got through and its answer was lost. */
async function alreadyStored(files: Files, key: string): Promise<Stored | undefined> {
  const file = await files.get(key)
  if (!file) return undefined
  const hash = createHash('sha256')
  for await (const chunk of file.body) hash.update(chunk)
  return { filesize: file.size, sha256: hash.digest('hex') }
}
