import { metricsText } from '@sidetone/telemetry'
import type { Hono } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

export interface HealthOptions {
  version: string
  /** What is not ready yet, or not any more; empty when all is well. */
  notReady: () => Promise<string[]>
}

/** For load balancers and Prometheus. */
export function addHealthRoutes(app: Hono<GatewayEnv>, { version, notReady }: HealthOptions): void {
  app.get('/health', (c) => c.json({ status: 'ok', version }))
  app.get('/ping', (c) => c.json({ message: 'pong' }))
  app.get('/ready', async (c) => {
    const waiting = await notReady()
    return waiting.length === 0 ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', waiting }, 503)
  })
  app.get('/metrics', async (c) => c.text(await metricsText()))
}
