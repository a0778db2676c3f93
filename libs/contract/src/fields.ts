import { z } from 'zod'
import { nilId } from './identity.ts'
import { type MadeField, objectMaker } from './object-maker.ts'

const internalFields = z.registry<{ internal: true }>()
const projections = new WeakMap<z.ZodType, z.ZodType>()

/** Marks a field that managers share but that never leaves the platform (REST, webhooks, WebSocket, documents). */
export function internal<T extends z.ZodType>(schema: T): T {
  const marked = schema.meta({}) as T
  internalFields.add(marked, { internal: true })
  return marked
}

/** What the outside may see of a value of this schema: the same without its internal fields. */
export function externalOf(schema: z.ZodType): z.ZodType {
  const known = projections.get(schema)
  if (known) return known
  const projection = project(schema)
  projections.set(schema, projection)
  return projection
}

/** Takes out of a valid value what `externalOf` takes out of its schema, without checking the rest again. */
export function projectionOf(schema: z.ZodType): (value: unknown) => unknown {
  if (externalOf(schema) === schema) return (value) => value
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]) =>
      internalFields.has(field) ? [] : [visibleField(name, field)],
    )
    return objectMaker(fields) as (value: unknown) => unknown
  }
  const inner = projectionOf(innerOf(schema))
  if (schema instanceof z.ZodArray) return (value) => (value as unknown[]).map(inner)
  return (value) => (value === null || value === undefined ? value : inner(value))
}

function visibleField(name: string, field: z.ZodType): MadeField<Record<string, unknown>> {
  const optional = field instanceof z.ZodOptional
  if (externalOf(field) === field) return { name, optional }
  const inner = projectionOf(field)
  return { name, optional, read: (value) => inner(value[name]) }
}

const innerOf = (schema: z.ZodType): z.ZodType =>
  (schema instanceof z.ZodArray ? schema.element : (schema as z.ZodNullable | z.ZodOptional).unwrap()) as z.ZodType

function project(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) {
    const entries = Object.entries(schema.shape as Record<string, z.ZodType>)
    const visible = entries.filter(([, field]) => !internalFields.has(field))
    const projected = visible.map(([key, field]) => [key, externalOf(field)] as const)
    const same = projected.length === entries.length && projected.every(([key, field]) => field === schema.shape[key])
    return same ? schema : keepMeta(schema, z.object(Object.fromEntries(projected)))
  }
  if (schema instanceof z.ZodArray) return rewrap(schema, schema.element as z.ZodType, (inner) => z.array(inner))
  if (schema instanceof z.ZodNullable) return rewrap(schema, schema.unwrap() as z.ZodType, (inner) => inner.nullable())
  if (schema instanceof z.ZodOptional) return rewrap(schema, schema.unwrap() as z.ZodType, (inner) => inner.optional())
  return schema
}

function rewrap(schema: z.ZodType, inner: z.ZodType, wrap: (inner: z.ZodType) => z.ZodType): z.ZodType {
  const projected = externalOf(inner)
  return projected === inner ? schema : keepMeta(schema, wrap(projected))
}

function keepMeta(from: z.ZodType, to: z.ZodType): z.ZodType {
  const meta = from.meta()
  return meta ? to.meta(meta) : to
}

/** A resource id or, as `00000000-…`, none. */
export const Id = z.uuid()
/** An id that may be left out: absent means none. */
export const OptionalId = Id.default(nilId)
/** RFC 3339, UTC, microseconds: `2026-08-22T10:00:00.123456Z`. */
export const Time = z.string()

/** What every resource of a customer has. */
export const resourceFields = {
  id: Id,
  customer_id: Id,
  tm_create: Time,
  tm_update: Time.nullable(),
  tm_delete: Time.nullable(),
}

/** A short label. */
export const Name = z.string().max(255)
/** A longer text that the platform only keeps. */
export const Detail = z.string().max(4096).default('')

export const ById = z.object({ id: Id })

/** A request as it came, for operations that are `raw`: header names in lower case, the body as text. */
export const RawRequest = z.object({ headers: z.record(z.string(), z.string()), body: z.string() })
export type RawRequest = z.infer<typeof RawRequest>

/** A file that came with a request (an `upload`), whose bytes are stored by now under the key that was reserved as `id`. */
export const UploadedFile = z.object({
  id: Id,
  filename: Name,
  /** Bytes. */
  filesize: z.int().min(0),
  content_type: z.string().max(128),
  sha256: z.string().max(64),
})
export type UploadedFile = z.infer<typeof UploadedFile>

/** An answer that is no JSON, for operations that are `binary`. */
export const Bytes = z.object({ content_type: z.string(), filename: z.string(), base64: z.string() })
export type Bytes = z.infer<typeof Bytes>

/** Newest first; the token comes from the previous page. */
export const PageQuery = z.object({
  page_size: z.int().min(1).max(100).default(100),
  page_token: z.string().max(256).optional(),
})
export type PageQuery = z.infer<typeof PageQuery>

/** The list envelope. `next_page_token` is empty on the last page. */
export const Page = <T extends z.ZodType>(item: T) => z.object({ result: z.array(item), next_page_token: z.string() })
export interface Page<T> {
  result: T[]
  next_page_token: string
}
