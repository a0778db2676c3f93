import type { Bytes, Client, Contract, Identity, Operation } from '@sidetone/contract'
import {
  anonymousIdentity,
  type CallOptions,
  commonError,
  isAllowed,
  onceForImmutable,
  projectionOf,
  publicPath,
  type Route,
  routesOf,
} from '@sidetone/contract'
import type { Files } from '@sidetone/files'
import { contracts } from '@sidetone/proto-schemas'
import { storageContract } from '@sidetone/proto-schemas/storage'
import type { Context, Hono } from 'hono'
import type { Authenticator } from './authenticate.ts'
import { credentialsOf } from './credentials.ts'
import type { GatewayEnv } from './gateway-env.ts'
import { addressOf, type RateLimits } from './rate-limits.ts'
import { inputReader } from './read-input.ts'
import { readUpload } from './read-upload.ts'
import { bytesResponse, jsonTextResponse } from './respond.ts'
import { tokenCookie } from './token-cookie.ts'

export interface RouteDependencies {
  /** A typed client per contract; what the gateway serves itself looks the same. */
  client: (contract: Contract) => Client<Contract>
  authenticator: Authenticator
  rateLimits: RateLimits
  maxBodyBytes: number
  files: Files
  maxUploadBytes: number
}

/** The whole REST surface: a loop over the contracts. Nobody edits it for a new operation. */
export function addRoutes(app: Hono<GatewayEnv>, dependencies: RouteDependencies): void {
  const routes = contracts.flatMap((contract) => routesOf(contract)).filter(({ operation }) => operation.allow)
  for (const route of routes.sort(literalFirst)) addRoute(app, route, dependencies)
}

/** `/timelines/stream` before `/timelines/{id}`: the router takes the first that fits. */
const literalFirst = (a: Route, b: Route): number =>
  (a.path.match(/\{/g)?.length ?? 0) - (b.path.match(/\{/g)?.length ?? 0)

function addRoute(
  app: Hono<GatewayEnv>,
  { contract, resource, name, operation, method, path }: Route,
  dependencies: RouteDependencies,
): void {
  const { client, authenticator, rateLimits, maxBodyBytes } = dependencies
  const readInput = operation.upload
    ? uploadReader(operation, dependencies)
    : inputReader(operation, method, path, maxBodyBytes)
  const call = client(contract)[resource]![name] as (input: object, options: CallOptions) => Promise<unknown>
  const project = projectionOf(operation.output)
  const textOf = onceForImmutable((output) => JSON.stringify(project(output)))
  const allow = operation.allow!

  app.on(method, publicPath(path).replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
    await rateLimits.byAddress(c)
    if (allow === 'public') await rateLimits.byAddressUnauthenticated(c)
    // A browser's cookie may be stale: who logs in is asked for nothing else.
    const identity = allow === 'public' ? anonymousIdentity : await identify(c, authenticator)
    if (identity.type === 'anonymous' && allow !== 'public') throw commonError('AUTHENTICATION_REQUIRED')
    if (identity.type !== 'anonymous') await rateLimits.byCustomer(c, identity)
    if (!isAllowed(allow, identity)) throw commonError('PERMISSION_DENIED')
    const input = await readInput(c, identity)
    const idempotency_key = method === 'POST' ? idempotencyKeyOf(c) : undefined
    const { request_id } = c.env
    const output = await call(input, { identity, request_id, address: addressOf(c), idempotency_key })
    if (operation.cookie) c.env.headers['Set-Cookie'] = tokenCookie(output as { token?: string })
    if (operation.binary) return bytesResponse(c, output as Bytes)
    if (!operation.redirect) return jsonTextResponse(c, textOf(output))
    c.env.headers.Location = (output as { location: string }).location
    return new Response(null, { status: 307, headers: c.env.headers })
  })
}

/** Its second argument is on whose behalf. */
function uploadReader(operation: Operation, { client, files, maxUploadBytes }: RouteDependencies) {
  const storage = client(storageContract).storage_file as unknown as Client<typeof storageContract>['storage_file']
  return (c: Context<GatewayEnv>, identity: Identity) => {
    if (c.req.header('idempotency-key') !== undefined) {
      const problem = 'is not supported for uploads; leave it out'
      throw commonError('INVALID_ARGUMENT', {
        message: `Idempotency-Key: ${problem}`,
        details: [{ field: 'Idempotency-Key', problem }],
      })
    }
    const { request_id } = c.env
    const reserve = () => storage.reserve({}, { identity, request_id })
    return readUpload(c, operation, { files, maxUploadBytes, reserve })
  }
}

const identify = (c: Context<GatewayEnv>, authenticator: Authenticator): Promise<Identity> =>
  authenticator.identify(credentialsOf({ url: c.req.url, header: (name) => c.req.header(name) }))

function idempotencyKeyOf(c: Context<GatewayEnv>): string | undefined {
  const key = c.req.header('idempotency-key')
  if (key === undefined || /^[\x21-\x7e]{1,255}$/.test(key)) return key
  const problem = 'must be 1 to 255 visible ASCII characters'
  throw commonError('INVALID_ARGUMENT', {
    message: `Idempotency-Key: ${problem}`,
    details: [{ field: 'Idempotency-Key', problem }],
  })
}
