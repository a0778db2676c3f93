import type { JsonSchema } from './json-schema.ts'

/** The TypeScript type of what a JSON Schema (as zod writes them) describes. */
export function typeOf(schema: JsonSchema): string {
  if (typeof schema.$ref === 'string') return schema.$ref.split('/').at(-1)!
  if ('const' in schema) return JSON.stringify(schema.const)
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const union = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined
  if (union) return union.map((member) => typeOf(member)).join(' | ')
  if (schema.format === 'binary') return 'Blob'
  if (schema.type === 'array') return `Array<${typeOf((schema.items ?? {}) as JsonSchema)}>`
  if (schema.type === 'object') return objectType(schema)
  return [schema.type]
    .flat()
    .map((type) => primitives[String(type)] ?? 'unknown')
    .join(' | ')
}

const primitives: Record<string, string> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
}

function objectType(schema: JsonSchema): string {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>)
  if (properties.length === 0) {
    const values = schema.additionalProperties
    return typeof values === 'object' ? `Record<string, ${typeOf(values as JsonSchema)}>` : 'Record<string, unknown>'
  }
  const required = new Set(schema.required as string[] | undefined)
  const fields = properties.map(([name, property]) => `${name}${required.has(name) ? '' : '?'}: ${typeOf(property)}`)
  return `{ ${fields.join('; ')} }`
}
