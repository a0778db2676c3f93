import {
  type Contract,
  commonErrors,
  type ErrorDefinition,
  externalOf,
  httpStatusOf,
  pathParameters,
  publicPath,
  type Route,
  routesOf,
} from '@sidetone/contract'
import { contracts } from '@sidetone/proto-schemas'
import { z } from 'zod'
import { componentCollector, type JsonSchema } from './json-schema.ts'
import { sentOf } from './sent-input.ts'

const errorSchema: JsonSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['status', 'reason', 'message', 'request_id'],
      properties: {
        status: { type: 'string', enum: Object.keys(httpStatusOf) },
        reason: { type: 'string', description: 'Stable; made for programs.' },
        message: { type: 'string', description: 'Made for people; names the field and the fix.' },
        request_id: { type: 'string' },
        details: { type: 'array', items: { type: 'object' } },
      },
    },
  },
}

/** The OpenAPI 3.1 document of the public REST surface. */
export function openapi(): JsonSchema {
  const { components, schemaOf } = componentCollector()
  components.Error = errorSchema
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const contract of contracts as readonly Contract[]) {
    for (const route of routesOf(contract)) {
      if (!route.operation.allow || route.operation.raw) continue
      const path = publicPath(route.path)
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemaOf) }
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sidetone',
      version: '1.0',
      description: 'Programmable phone calls. Wire-compatible with VoIPBIN v1.0.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { token: [] }, { accesskey: [] }],
    paths: sorted(paths),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        token: { type: 'apiKey', in: 'query', name: 'token' },
        accesskey: { type: 'apiKey', in: 'query', name: 'accesskey' },
      },
      schemas: sorted(components),
    },
  }
}

function operationOf(route: Route, schemaOf: (schema: z.ZodType, io: 'input' | 'output') => JsonSchema): JsonSchema {
  const { operation, method, path, id, resource } = route
  const inPath = new Set(pathParameters(path))
  const shape = sentOf(operation).shape as Record<string, z.ZodType>
  const others = Object.entries(shape).filter(([name]) => !inPath.has(name))
  const isOptional = (field: z.ZodType) => field.safeParse(undefined).success
  const parameters = [
    ...[...inPath].map((name) => ({ name, in: 'path', required: true, schema: schemaOf(shape[name]!, 'input') })),
    ...(method === 'GET'
      ? others.map(([name, field]) => ({
          name,
          in: 'query',
          required: !isOptional(field),
          schema: schemaOf(field, 'input'),
        }))
      : []),
    ...(method === 'POST' && !operation.upload
      ? [{ name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', maxLength: 255 } }]
      : []),
  ]
  const body = method === 'GET' || others.length === 0 ? undefined : z.strictObject(Object.fromEntries(others))
  return {
    operationId: id,
    tags: [resource],
    summary: operation.summary,
    ...(operation.allow === 'public' && { security: [] }),
    ...(Array.isArray(operation.allow) && {
      description: `Needs one of the permissions: ${operation.allow.join(', ')}.`,
    }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: !body.safeParse({}).success,
        content: {
          [operation.upload ? 'multipart/form-data' : 'application/json']: { schema: schemaOf(body, 'input') },
        },
      },
    }),
    responses: { ...successOf(route, schemaOf), ...errorsOf(route) },
  }
}

const successOf = ({ operation }: Route, schemaOf: (schema: z.ZodType, io: 'output') => JsonSchema): JsonSchema =>
  operation.redirect
    ? { 307: { description: 'Follow Location.', headers: { Location: { schema: { type: 'string' } } } } }
    : {
        200: {
          description: 'Done.',
          content: operation.binary
            ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
            : { 'application/json': { schema: schemaOf(externalOf(operation.output), 'output') } },
        },
      }

/** What may go wrong, by HTTP status: the reasons that the operation declares, and those of every operation. */
function errorsOf({ contract, operation }: Route): JsonSchema {
  const everywhere =
    operation.allow === 'public'
      ? ['INVALID_ARGUMENT', 'RATE_LIMIT_EXCEEDED']
      : ['INVALID_ARGUMENT', 'AUTHENTICATION_REQUIRED', 'PERMISSION_DENIED', 'RATE_LIMIT_EXCEEDED']
  const definitions: Record<string, ErrorDefinition> = { ...commonErrors, ...contract.errors }
  const byStatus = new Map<number, string[]>()
  for (const reason of [...everywhere, ...operation.errors]) {
    const status = httpStatusOf[definitions[reason]!.status]
    byStatus.set(status, [...(byStatus.get(status) ?? []), reason])
  }
  const entries = [...byStatus].map(([status, reasons]) => [
    status,
    {
      description: reasons.join(', '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  ])
  return Object.fromEntries(entries)
}

const sorted = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
