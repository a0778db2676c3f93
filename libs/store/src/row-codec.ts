import type { z } from 'zod'

type Kind = 'plain' | 'number' | 'json' | 'flag'

/** How one field of a schema is kept in its column. */
export interface Column {
  kind: Kind
  /** May hold NULL. */
  nullable: boolean
  /** NULL means that the field is absent, not null. */
  absent: boolean
  encrypted: boolean
}

/** Encrypts at rest; the context binds a value to its table, column and row. */
export interface ColumnSecrets {
  encrypt: (plain: string, context: string) => string
  decrypt: (encrypted: string, context: string) => string
}

/** The columns that hold the fields of a schema: objects and lists as JSON text, booleans as 0 and 1, the rest as it is. */
export function columnsOf(schema: z.ZodObject, encrypted: readonly string[] = []): Map<string, Column> {
  const shape = schema.shape as Record<string, z.core.$ZodType>
  for (const name of encrypted) {
    if (!shape[name]) throw new Error(`${name} is to be encrypted, but the schema has no such field`)
  }
  return new Map(
    Object.entries(shape).map(([name, field]) => {
      const nullable = accepts(field, null)
      const optional = accepts(field, undefined)
      const column = { kind: kindOf(field, name), nullable: nullable || optional, absent: optional && !nullable }
      return [name, { ...column, encrypted: encrypted.includes(name) }]
    }),
  )
}

/** The value as its column holds it. */
export function encode(kind: Kind, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (kind === 'json') return JSON.stringify(value)
  return kind === 'flag' ? Number(value) : value
}

/** The value of a field from what its column holds. */
export function decode(kind: Kind, stored: unknown): unknown {
  if (stored === null) return null
  if (kind === 'json') return JSON.parse(stored as string)
  return kind === 'flag' ? stored !== 0 : stored
}

const accepts = (field: z.core.$ZodType, value: null | undefined): boolean => {
  const { def } = field._zod as unknown as { def: Def }
  if (def.type === (value === null ? 'nullable' : 'optional')) return true
  if (def.type === 'unknown' || def.type === 'any' || def.type === 'null') return value === null
  if (def.type === 'union') return def.options!.some((option) => accepts(option, value))
  return def.innerType ? accepts(def.innerType, value) : false
}

interface Def {
  type: string
  innerType?: z.core.$ZodType
  in?: z.core.$ZodType
  out?: z.core.$ZodType
  options?: z.core.$ZodType[]
  values?: unknown[]
}

const kinds: Record<string, Kind> = {
  string: 'plain',
  template_literal: 'plain',
  enum: 'plain',
  number: 'number',
  boolean: 'flag',
  null: 'plain',
  object: 'json',
  array: 'json',
  tuple: 'json',
  record: 'json',
  intersection: 'json',
  unknown: 'json',
  any: 'json',
  lazy: 'json',
}

function kindOf(field: z.core.$ZodType, name: string): Kind {
  const def = (field._zod as unknown as { def: Def }).def
  if (def.innerType) return kindOf(def.innerType, name)
  // What is stored is the output: a pipe's second half, unless that only transforms.
  if (def.type === 'pipe')
    return kindOf((def.out!._zod as unknown as { def: Def }).def.type === 'transform' ? def.in! : def.out!, name)
  if (def.type === 'literal') return kindOfLiteral(def.values!)
  if (def.type === 'union') {
    const found = new Set(def.options!.filter((option) => !isNull(option)).map((option) => kindOf(option, name)))
    return found.size === 1 ? found.values().next().value! : 'json'
  }
  const kind = kinds[def.type]
  if (!kind) throw new Error(`${name}: a ${def.type} cannot be stored; use what JSON has`)
  return kind
}

const isNull = (field: z.core.$ZodType): boolean => (field._zod as unknown as { def: Def }).def.type === 'null'

function kindOfLiteral(values: unknown[]): Kind {
  const types = new Set(values.map((value) => typeof value))
  if (types.size > 1) return 'json'
  if (types.has('boolean')) return 'flag'
  return types.has('number') ? 'number' : 'plain'
}
