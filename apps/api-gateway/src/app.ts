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

/** The HTTP side of the gateway. */
export function createApp(options: AppOptions): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()
  const exposed = exposeHeaders.join(',')

  app.use((c, next) => {
    const { outgoing } = c.env
    const request_id = requestIdOf(c.req.header('x-request-id'))
    c.set('request_id', request_id)
    // On Node's response: one header set on Hono's costs more than all the rest of a small request.
    outgoing.setHeader('X-Request-Id', request_id)
    outgoing.setHeader('Access-Control-Allow-Origin', allowOrigin)
    outgoing.setHeader('Access-Control-Expose-Headers', exposed)
    return next()
  })
  app.options('*', cors(preflight))
  app.onError((error, c) => errorResponse(c, error, options.log))
  app.notFound((c) => errorResponse(c, commonError('ROUTE_NOT_FOUND'), options.log))

  addHealthRoutes(app, options)
  addDocuments(app)
  addFileRoute(app, options)
  addRoutes(app, options)
  return app
}
