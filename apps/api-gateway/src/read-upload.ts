import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyFileStream, type BusboyHeaders } from '@fastify/busboy'
import { ApiError, commonError, invalidArgument, type Operation, type UploadedFile } from '@sidetone/contract'
import type { Files } from '@sidetone/files'
import type { Context } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

export interface UploadOptions {
  files: Files
  maxUploadBytes: number
  /** A place for the bytes of one file. */
  reserve: () => Promise<{ id: string; key: string }>
}

/** What the form has beside the file. */
const formBytes = 65_536
const limits = { files: 1, fields: 16, fieldSize: 4_096, headerPairs: 32, headerSize: 8_192 }

/** Reads a form (RFC 7578) whose part `file` goes to the file store as it arrives; the other parts are texts. */
export async function readUpload(
  c: Context<GatewayEnv>,
  { input }: Operation,
  options: UploadOptions,
): Promise<Record<string, unknown>> {
  let key: string | undefined
  const reserve = async () => {
    const place = await options.reserve()
    key = place.key
    return place
  }
  try {
    const raw = await readForm(c, { ...options, reserve })
    const parsed = input.safeParse(raw, { reportInput: true })
    if (!parsed.success) throw invalidArgument(parsed.error)
    return raw
  } catch (error) {
    // If this fails, whoever reserved the key removes it later.
    if (key !== undefined) await options.files.delete(key).catch(() => {})
    throw error
  }
}

async function readForm(c: Context<GatewayEnv>, options: UploadOptions): Promise<Record<string, unknown>> {
  const { maxUploadBytes } = options
  if (Number(c.req.header('content-length') ?? 0) > maxUploadBytes + formBytes) throw tooLarge(maxUploadBytes)
  const parser = parserFor(c, maxUploadBytes)
  const form = new Map<string, unknown>()
  let arriving: BusboyFileStream | undefined
  let stored: Promise<void> | undefined
  let refused: ApiError | undefined

  parser.on('field', (name, value) => form.set(name, value))
  parser.on('file', (name, stream, filename, _, contentType) => {
    form.set(name, undefined)
    if (name !== 'file') return stream.resume()
    arriving = stream
    // Whoever reads it hears of it; until then somebody must.
    stream.on('error', () => {})
    stream.on('limit', () => stream.destroy(tooLarge(maxUploadBytes)))
    stored = store(stream, { filename, contentType }, options).then((file) => void form.set(name, file))
    // What goes wrong with the file ends the form too.
    stored.catch((error: Error) => parser.destroy(error))
  })
  parser.on('filesLimit', () => {
    refused = fileError('must be the only file')
  })
  // It may come when the last byte has been read and the pipeline listens no more.
  parser.on('error', () => {})
  try {
    await pipeline(Readable.fromWeb(c.req.raw.body as Parameters<typeof Readable.fromWeb>[0]), parser)
  } catch (error) {
    arriving?.destroy(error as Error)
    await stored
    throw incomplete(error)
  }
  await stored
  if (refused) throw refused
  return Object.fromEntries(form)
}

function parserFor(c: Context<GatewayEnv>, maxUploadBytes: number): InstanceType<typeof Busboy> {
  try {
    if (!c.req.raw.body) throw new Error('there is no body')
    return new Busboy({ headers: c.req.header() as BusboyHeaders, limits: { ...limits, fileSize: maxUploadBytes } })
  } catch (cause) {
    const problem = 'must be multipart/form-data with a boundary'
    throw commonError('INVALID_ARGUMENT', {
      message: `Content-Type: ${problem}`,
      details: [{ field: 'Content-Type', problem }],
      cause,
    })
  }
}

async function store(
  stream: BusboyFileStream,
  { filename, contentType }: { filename: string | undefined; contentType: string },
  { files, reserve }: UploadOptions,
): Promise<UploadedFile> {
  const { id, key } = await reserve()
  const content_type = harmless(contentType)
  async function* whole() {
    try {
      yield* stream
    } catch (error) {
      throw error instanceof ApiError ? error : incomplete(error)
    }
  }
  const { size, sha256 } = await files.put(key, ReadableStream.from(whole()), { contentType: content_type })
  return { id, filename: nameOf(filename), filesize: size, content_type, sha256 }
}

/** What browsers show without running any of it; everything else they may only save. */
function harmless(contentType: string): string {
  const type = contentType.toLowerCase()
  return /^(audio|video)\/[\w.+-]{1,64}$|^image\/(png|jpeg|gif|webp)$|^text\/(plain|csv|markdown)$|^application\/(pdf|json)$/.test(
    type,
  )
    ? type
    : 'application/octet-stream'
}

/** Of a path the last part, and nothing that a terminal or a header would stumble over. */
const nameOf = (filename = ''): string =>
  filename
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '')
    .slice(-255)
    .toWellFormed() || 'file'

const tooLarge = (maxBytes: number): ApiError => fileError(`must be at most ${maxBytes} bytes`, 'PAYLOAD_TOO_LARGE')

const fileError = (problem: string, reason: 'INVALID_ARGUMENT' | 'PAYLOAD_TOO_LARGE' = 'INVALID_ARGUMENT'): ApiError =>
  commonError(reason, { message: `file: ${problem}`, details: [{ field: 'file', problem }] })

/** The connection broke, or what came is no form: neither is a fault of ours. */
const incomplete = (cause: unknown): ApiError =>
  commonError('INVALID_ARGUMENT', { message: 'body: is not a complete form', cause })
