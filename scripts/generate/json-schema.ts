import { z } from 'zod'

export type JsonSchema = Record<string, unknown>

/** JSON Schemas (2020-12) of zod schemas; what has an `id` becomes a named component that the others point to. */
export function componentCollector() {
  const components: Record<string, JsonSchema> = {}

  function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...json
    } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema & {
      $defs?: Record<string, JsonSchema>
    }
    for (const [name, definition] of Object.entries($defs)) add(name, definition)
    const own = json.id as string | undefined
    if (own !== undefined) {
      add(own, json)
      return { $ref: `#/components/schemas/${own}` }
    }
    return pointToComponents(json)
  }

  function add(name: string, definition: JsonSchema): void {
    const { id: _, ...rest } = definition
    components[name] ??= pointToComponents(rest)
  }

  return { components, schemaOf }
}

function pointToComponents<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as T
}
