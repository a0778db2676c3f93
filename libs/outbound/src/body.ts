import { pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { OutboundFailed, OutboundTooLarge } from './errors.ts'

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** What the request offers, so that it gets nothing else. */
export const acceptEncoding = 'gzip, deflate, br'

/** Reads a body to its end and stops at the first byte too many, be it one sent or one unpacked. */
export async function readBody(body: Readable, encoding: string, maxBytes: number, where: string): Promise<Buffer> {
  const sent = limited(body, maxBytes, `${where} sends`)
  if (encoding === '' || encoding === 'identity') return collect(sent)
  const decoder = decoders[encoding]?.()
  if (!decoder) {
    body.on('error', () => {}).destroy()
    throw new OutboundFailed(`${where} answers with the unknown content-encoding '${encoding.slice(0, 40)}'`)
  }
  // Errors, those of the count included, arrive where the decoder is read.
  pipeline(sent, decoder, () => {})
  return collect(limited(decoder, maxBytes, `${where} unpacks to`))
}

async function* limited(chunks: AsyncIterable<Buffer>, maxBytes: number, subject: string) {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new OutboundTooLarge(`${subject} more than ${maxBytes} bytes`)
    yield chunk
  }
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}
