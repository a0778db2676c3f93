import { metricsText } from '@sidetone/telemetry'
import type { Hono } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'
import { jsonResponse } from './respond.ts'

export interface HealthOptions {
  version: string
  /** What is not ready yet, or not any more; empty when all is well. */
  notReady: () => Promise<string[]>
}

/** For load balancers and Prometheus. */
export function addHealthRoutes(app: Hono<GatewayEnv>, { version, notReady }: HealthOptions): void {
  app.get('/health', (c) => jsonResponse(c, { status: 'ok', version }))
  app.get('/ping', (c) => jsonResponse(c, { message: 'pong' }))
  app.get('/ready', async (c) => {
    const waiting = await notReady()
    return waiting.length === 0
      ? jsonResponse(c, { status: 'ready' })
      : jsonResponse(c, { status: 'not ready', waiting }, 503)
  })
  app.get('/metrics', async (c) => c.text(await metricsText(), 200, c.env.headers))
}
