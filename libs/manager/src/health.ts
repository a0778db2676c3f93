import { serve } from '@hono/node-server'
import { metricsText } from '@sidetone/telemetry'
import { Hono } from 'hono'
import { SettingsError } from './settings.ts'

/** `/health`, `/ready` and `/metrics` of a process that serves nothing else over HTTP. */
export async function serveHealth({ port, notReady }: { port: number; notReady: () => Promise<string[]> }) {
  let draining = false
  const app = new Hono()
  app.get('/health', (c) => c.json({ status: 'ok' }))
  app.get('/ready', async (c) => {
    const waiting = draining ? ['draining'] : await notReady()
    return waiting.length === 0 ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', waiting }, 503)
  })
  app.get('/metrics', async (c) => c.text(await metricsText()))
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, port }, () => resolve(starting))
    starting.on('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE'
      reject(inUse ? new SettingsError(`HTTP port ${port} is in use; set HTTP_PORT to a free one.`) : error)
    })
  })
  return {
    drain: () => {
      draining = true
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
