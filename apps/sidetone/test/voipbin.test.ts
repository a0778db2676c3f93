import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { deviations, extensions, families } from './voipbin-deviations.ts'

// VoIPBIN's clients must find what they know: every operation, parameter, field and value of its API is compared with ours.
// The facts about its API do not belong to this repository; without them there is nothing to compare with.

interface Schema {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  items?: Schema
  enum?: unknown[]
  const?: unknown
  allOf?: Schema[]
  anyOf?: Schema[]
  oneOf?: Schema[]
}
interface Parameter {
  $ref?: string
  name?: string
  schema?: Schema
}
interface FactOperation {
  parameters?: Parameter[]
  body?: Schema
  responses: Record<string, Schema | string>
}
interface Facts {
  paths: Record<string, Record<string, FactOperation>>
  schemas: Record<string, Schema>
}
interface OurOperation {
  parameters?: { name: string }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}
interface OpenApi {
  paths: Record<string, Record<string, OurOperation>>
  components: { schemas: Record<string, Schema> }
}

const factsFile =
  process.env.VOIPBIN_FACTS ?? new URL('../../../../shared/reference/voipbin-api.facts.json', import.meta.url)
const known = existsSync(factsFile)
if (!known) console.log('compatibility with VoIPBIN: skipped, its facts are not here; VOIPBIN_FACTS names their file')

const facts: Facts = known ? JSON.parse(readFileSync(factsFile, 'utf8')) : { paths: {}, schemas: {} }
const openapi: OpenApi = JSON.parse(
  readFileSync(new URL('../../../proto-schemas/snapshots/openapi.json', import.meta.url), 'utf8'),
)

type Resolve = (ref: string) => Schema
const inFacts: Resolve = (ref) => facts.schemas[ref.split('/').at(-1)!]!
const inOurs: Resolve = (ref) => openapi.components.schemas[ref.split('/').at(-1)!]!

/** Every field of a schema as `path`, and every value of an enum as `path=value`. */
function flatten(schema: Schema | undefined, resolve: Resolve, path = '', seen: readonly string[] = []): string[] {
  if (!schema) return []
  if (schema.$ref) {
    return seen.includes(schema.$ref) ? [] : flatten(resolve(schema.$ref), resolve, path, [...seen, schema.$ref])
  }
  const deeper = (inner: Schema | undefined, at = path) => flatten(inner, resolve, at, seen)
  const values = (schema.enum ?? ('const' in schema ? [schema.const] : [])).filter((value) => value !== null)
  return [
    ...values.map((value) => `${path}=${value}`),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
      const at = path ? `${path}.${name}` : name
      return [at, ...deeper(field, at)]
    }),
    ...deeper(schema.items, `${path}[]`),
    ...[schema.allOf, schema.anyOf, schema.oneOf].flatMap((several) => several ?? []).flatMap((one) => deeper(one)),
  ]
}

const familyOf = (path: string) => path.split('/')[1]!
const ourPath = (path: string) => (path.startsWith('/auth/') ? path : `/v1.0${path}`)
/** Names of path parameters are nobody's business but ours. */
const shape = (path: string) => path.replaceAll(/\{[^}]+\}/g, '{}')
const ours = new Map(Object.entries(openapi.paths).map(([path, methods]) => [shape(path), methods]))

function missingOf(path: string, method: string, { parameters = [], body, responses }: FactOperation): string[] {
  const own = ours.get(shape(ourPath(path)))?.[method]
  if (!own) return ['the operation']
  const names = parameters.map(
    (one) => one.name ?? { PageSize: 'page_size', PageToken: 'page_token' }[one.$ref!.split('/').at(-1)!]!,
  )
  const given = new Set((own.parameters ?? []).map(({ name }) => name))
  const asked = Object.values(own.requestBody?.content ?? {}).flatMap(({ schema }) => flatten(schema, inOurs))
  const fields = new Set([...asked, ...given])
  const answer = responses['200'] ?? responses['201']
  const answered = new Set(
    Object.entries(own.responses)
      .filter(([status]) => status.startsWith('2'))
      .flatMap(([, { content = {} }]) => Object.values(content).flatMap(({ schema }) => flatten(schema, inOurs))),
  )
  const lacks = (wanted: string[], has: Set<string>) => wanted.filter((field) => !has.has(field) && !isOpen(field, has))
  return [
    ...names.filter((name) => !path.includes(`{${name}}`) && !given.has(name)).map((name) => `query ${name}`),
    ...lacks(flatten(body, inFacts), fields).map((field) => `body ${field}`),
    ...lacks(typeof answer === 'object' ? flatten(answer, inFacts) : [], answered).map((field) => `answer ${field}`),
  ]
}

/** A value of a field that takes any text is no difference. */
const isOpen = (field: string, has: Set<string>): boolean => {
  const [path, value] = field.split('=')
  return value !== undefined && has.has(path!) && !Array.from(has).some((one) => one.startsWith(`${path}=`))
}

const operations = Object.entries(facts.paths)
  .filter(([path]) => families.includes(familyOf(path)))
  .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })))

describe.runIf(known)('what a client of VoIPBIN knows', () => {
  test.each(operations)('$method $path', ({ path, method, operation }) => {
    const id = `${method.toUpperCase()} ${path}`
    const reasons = Object.keys(deviations[id] ?? {})
    const missing = [...new Set(missingOf(path, method, operation))]
    const covers = (reason: string, one: string) =>
      reason.endsWith('*') ? one.startsWith(reason.slice(0, -1)) : one === reason
    expect(missing.filter((one) => !reasons.some((reason) => covers(reason, one)))).toEqual([])
    expect(reasons.filter((reason) => !missing.some((one) => covers(reason, one)))).toEqual([])
  })

  test.each(Object.entries(extensions))('%s has fields of our own, with a reason', (id, fields) => {
    const [method = '', path = ''] = id.split(' ')
    const own = ours.get(shape(ourPath(path)))?.[method.toLowerCase()]?.responses['200']?.content ?? {}
    const known = facts.paths[path]?.[method.toLowerCase()]?.responses['200']
    const has = Object.values(own).flatMap(({ schema }) => flatten(schema, inOurs))
    const theirs = typeof known === 'object' ? flatten(known, inFacts) : []
    expect(Object.keys(fields).filter((field) => !has.includes(field) || theirs.includes(field))).toEqual([])
  })

  test('the reasoned list of differences names only operations that there are', () => {
    const ids = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    expect(Object.keys(deviations).filter((id) => !ids.includes(id))).toEqual([])
  })
})
