import { commonError } from '@sidetone/contract'
import type { Logger } from '@sidetone/telemetry'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
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

const corsOptions = {
  origin: '*',
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
  exposeHeaders: ['X-Request-Id', 'Retry-After', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
  maxAge: 43_200,
}

/** The HTTP side of the gateway, without a socket: tests ask it directly. */
export function createApp(options: AppOptions): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()

  app.use(async function requestId(c, next) {
    const request_id = requestIdOf(c.req.header('x-request-id'))
    c.set('request_id', request_id)
    c.header('X-Request-Id', request_id)
    await next()
  })
  app.use(cors(corsOptions))
  app.onError((error, c) => errorResponse(c, error, options.log))
  app.notFound((c) => errorResponse(c, commonError('ROUTE_NOT_FOUND'), options.log))

  addHealthRoutes(app, options)
  addDocuments(app)
  addFileRoute(app, options)
  addRoutes(app, options)
  return app
}
