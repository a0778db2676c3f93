import {
  ApiError,
  commonError,
  invalidArgument,
  type Operation,
  pathParameters,
  type RawRequest,
} from '@sidetone/contract'
import type { Context } from 'hono'
import { z } from 'zod'
import type { GatewayEnv } from './gateway-env.ts'

const maxDepth = 64
const credentialParameters = new Set(['token', 'accesskey'])

/** Reads path, query and body of a request into the one object that the operation takes; the path wins over the body. */
export function inputReader({ input, raw }: Operation, method: string, path: string, maxBodyBytes: number) {
  if (raw) return (c: Context<GatewayEnv>) => readRaw(c, maxBodyBytes)
  const names = pathParameters(path)
  const coercions = Object.entries(input.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
    const coerce = coercionOf(field)
    return coerce ? [[name, coerce] as const] : []
  })

  return async (c: Context<GatewayEnv>): Promise<Record<string, unknown>> => {
    const raw = method === 'GET' ? {} : await readBody(c, maxBodyBytes)
    if (method === 'GET' || method === 'DELETE') addQuery(c, raw)
    for (const name of names) raw[name] = c.req.param(name)
    for (const [name, coerce] of coercions) {
      if (method === 'GET' && typeof raw[name] === 'string') raw[name] = coerce(raw[name])
    }
    const parsed = input.safeParse(raw, { reportInput: true })
    if (!parsed.success) throw invalidArgument(parsed.error)
    return raw
  }
}

function addQuery(c: Context<GatewayEnv>, raw: Record<string, unknown>): void {
  if (!c.req.url.includes('?')) return
  for (const [name, value] of Object.entries(c.req.query())) if (!credentialParameters.has(name)) raw[name] = value
}

const readRaw = async (c: Context<GatewayEnv>, maxBytes: number): Promise<RawRequest> => ({
  headers: c.req.header(),
  body: await readText(c, maxBytes).catch(cutOff),
})

async function readBody(c: Context<GatewayEnv>, maxBytes: number): Promise<Record<string, unknown>> {
  const text = await readText(c, maxBytes).catch(cutOff)
  if (text === '') return {}
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : 'not JSON'
    throw commonError('INVALID_JSON_BODY', {
      message: `body: is not valid JSON (${problem})`,
      details: [{ field: 'body', problem }],
    })
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw commonError('INVALID_ARGUMENT', {
      message: 'body: must be a JSON object',
      details: [{ field: 'body', problem: 'must be a JSON object' }],
    })
  }
  if (isDeeper(body, maxDepth)) {
    const problem = `must not be nested deeper than ${maxDepth} levels`
    throw commonError('INVALID_ARGUMENT', { message: `body: ${problem}`, details: [{ field: 'body', problem }] })
  }
  return body as Record<string, unknown>
}

/** The connection broke before the body was there in full; nobody is left to hear it, and it is no fault of ours. */
function cutOff(cause: unknown): never {
  if (cause instanceof ApiError) throw cause
  throw commonError('INVALID_ARGUMENT', { message: 'body: was cut off', cause })
}

/** What is nested deeper could not be written as JSON again: that recurses. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))

async function readText(c: Context<GatewayEnv>, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    commonError('PAYLOAD_TOO_LARGE', {
      message: `body: must be at most ${maxBytes} bytes`,
      details: [{ field: 'body', problem: `must be at most ${maxBytes} bytes` }],
    })
  const announced = c.req.header('content-length')
  if (announced !== undefined) {
    if (Number(announced) > maxBytes) throw tooLarge()
    return c.req.text()
  }
  if (!c.req.raw.body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of c.req.raw.body) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Query values are texts; those of numeric and boolean fields are read as such. What cannot be read stays a text, for zod to refuse. */
function coercionOf(field: z.ZodType): ((text: string) => unknown) | undefined {
  const inner = unwrap(field)
  if (inner instanceof z.ZodNumber)
    return (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text)
  if (inner instanceof z.ZodBoolean) return (text) => (text === 'true' ? true : text === 'false' ? false : text)
  return undefined
}

function unwrap(field: z.ZodType): z.ZodType {
  if (field instanceof z.ZodDefault || field instanceof z.ZodOptional || field instanceof z.ZodNullable) {
    return unwrap(field.unwrap() as z.ZodType)
  }
  return field
}
