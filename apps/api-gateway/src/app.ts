import type { HttpBindings } from '@hono/node-server'
import { commonError } from '@sidetone/contract'
import type { Logger } from '@sidetone/telemetry'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { addAuthPages } from './auth-pages.ts'
import { addDocuments } from './documents.ts'
import { addFileRoute, type FileRouteOptions } from './file-route.ts'
import type { GatewayEnv } from './gateway-env.ts'
import { addHealthRoutes, type HealthOptions } from './health.ts'
import { requestIdOf } from './request-id.ts'
import { errorResponse } from './respond.ts'
import { addRoutes, type RouteDependencies } from './routes.ts'

export interface AppOptions extends RouteDependencies, FileRouteOptions, HealthOptions {
  log: Logger
}

const allowOrigin = '*'
const exposeHeaders = ['X-Request-Id', 'Retry-After', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset']
const preflight = {
  origin: allowOrigin,
  allowMethods: ['POST', 'GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'],
  allowHeaders: [
    'Origin',
    'X-Requested-With',
    'Content-Type',
    'Accept',
    'Authorization',
    'Idempotency-Key',
    'X-Request-Id',
  ],
  maxAge: 43_200,
}

/** The HTTP side of the gateway, as node-server calls it. */
export function createApp(
  options: AppOptions,
): (request: Request, bindings: HttpBindings) => Promise<Response> | Response {
  const app = new Hono<GatewayEnv>()

  app.options('*', (c, next) => {
    for (const [name, value] of Object.entries(c.env.headers)) c.header(name, value)
    return cors(preflight)(c, next)
  })
  app.onError((error, c) => errorResponse(c, error, options.log))
  app.notFound((c) => errorResponse(c, commonError('ROUTE_NOT_FOUND'), options.log))

  addHealthRoutes(app, options)
  addDocuments(app)
  addAuthPages(app)
  addFileRoute(app, options)
  addRoutes(app, options)

  const exposed = exposeHeaders.join(',')
  return (request, { incoming, outgoing }) => {
    const given = incoming.headers['x-request-id']
    const request_id = requestIdOf(Array.isArray(given) ? given[0] : given)
    const headers = {
      'X-Request-Id': request_id,
      'Access-Control-Allow-Origin': allowOrigin,
      'Access-Control-Expose-Headers': exposed,
    }
    return app.fetch(request, { incoming, outgoing, request_id, headers })
  }
}
