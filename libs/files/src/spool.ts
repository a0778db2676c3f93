import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

/** Writes a body to a new file, down to the disk, and tells its size and hash. The caller removes what a failure leaves. */
export async function spool(
  path: string,
  body: Uint8Array | ReadableStream<Uint8Array>,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256')
  let size = 0
  async function* measured() {
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      hash.update(chunk)
      size += chunk.length
      yield chunk
    }
  }
  const file = await open(path, 'wx')
  try {
    await file.writeFile(measured())
    await file.sync()
  } finally {
    await file.close()
  }
  return { size, sha256: hash.digest('hex') }
}
