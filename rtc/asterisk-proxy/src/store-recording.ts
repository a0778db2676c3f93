import { createHash } from 'node:crypto'
import type { Files } from '@sidetone/files'
import type { AriReply, AriRequest } from './ari-socket.ts'

export interface StoreParts {
  ariUrl: string
  authorization: string
  request: (request: AriRequest) => Promise<AriReply>
  files: Files
}

export interface Stored {
  filesize: number
  sha256: string
}

const downloadMs = 45_000

export const storedPath = (name: string): string => `recordings/stored/${encodeURIComponent(name)}`

/** Asks for the file of a recording; undefined when the node has none. */
export async function download(
  { ariUrl, authorization }: Pick<StoreParts, 'ariUrl' | 'authorization'>,
  name: string,
): Promise<{ body: ReadableStream<Uint8Array>; length: number | undefined } | undefined> {
  const response = await fetch(`${ariUrl}/${storedPath(name)}/file`, {
    headers: { authorization },
    signal: AbortSignal.timeout(downloadMs),
  })
  if (response.status === 404) return undefined
  if (!response.ok || !response.body) throw new Error(`the recording cannot be downloaded: ${response.status}`)
  const length = response.headers.get('content-length')
  return { body: response.body, length: length === null ? undefined : Number(length) }
}

/** Moves a recording from the node into the file store; undefined when neither has it. */
export async function storeRecording(
  parts: StoreParts,
  { name, key }: { name: string; key: string },
): Promise<Stored | undefined> {
  const { request, files } = parts
  const file = await download(parts, name)
  if (!file) return alreadyStored(files, key)
  const { size, sha256 } = await files.put(key, file.body, { contentType: 'audio/wav' })
  // Only what has arrived whole is deleted where it came from.
  if (file.length !== undefined && size !== file.length) {
    throw new Error(`the recording is incomplete: ${size} of ${file.length} bytes`)
  }
  await request({ method: 'DELETE', path: storedPath(name) })
  return { filesize: size, sha256 }
}

/** An earlier attempt got through and its answer was lost. */
export async function alreadyStored(files: Files, key: string): Promise<Stored | undefined> {
  const file = await files.get(key)
  if (!file) return undefined
  const hash = createHash('sha256')
  for await (const chunk of file.body) hash.update(chunk)
  return { filesize: file.size, sha256: hash.digest('hex') }
}
