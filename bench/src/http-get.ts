import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import autocannon from 'autocannon'
import { Hono } from 'hono'
import { benchmark } from './benchmark.ts'
import { endedCall, startPlatform } from './platform.ts'
import { alternate, median, ratios, spread } from './report.ts'

const rounds = 5
const warmUpSeconds = 3
const roundSeconds = 4
const connections = 64
const target = 0.35

/** A Hono route that answers the same JSON and does nothing else. */
async function bareRoute({ call }: { call: Record<string, unknown> }) {
  const app = new Hono()
  app.get('/v1.0/calls/:id', (c) => c.json(call))
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const starting = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(starting))
  })
  return { ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

await benchmark({ bareRoute }, async (start) => {
  const platform = await startPlatform()
  try {
    const call = await endedCall(platform)
    const path = `/calls/${call.id}`
    const bare = await start<string>('bareRoute', { call })

    const load = async (
      url: string,
      headers: Record<string, string>,
      cpuMs: () => Promise<number>,
      seconds: number,
    ) => {
      const before = await cpuMs()
      const result = await autocannon({ url: `${url}/v1.0${path}`, headers, connections, duration: seconds })
      const failed = result.errors + result.non2xx
      if (failed > 0) throw new Error(`${failed} requests failed`)
      const spentMs = (await cpuMs()) - before
      return { perSecond: result.requests.average, cpuUs: (spentMs * 1_000) / result.requests.total }
    }
    const ours = (seconds: number) => load(platform.url, platform.headers, platform.cpuMs, seconds)
    const limit = (seconds: number) => load(bare.ready, {}, bare.cpuMs, seconds)

    await ours(warmUpSeconds)
    await limit(warmUpSeconds)
    const results = await alternate(
      rounds,
      () => ours(roundSeconds),
      () => limit(roundSeconds),
    )
    const perSecond = { ours: results.ours.map((r) => r.perSecond), limit: results.limit.map((r) => r.perSecond) }
    const cpuUs = { ours: results.ours.map((r) => r.cpuUs), limit: results.limit.map((r) => r.cpuUs) }
    const byRate = ratios(perSecond.ours, perSecond.limit)
    return [
      {
        name: 'GET /v1.0/calls/{id}, embedded',
        ours: spread(perSecond.ours, ' /s'),
        limit: spread(perSecond.limit, ' /s'),
        ratio: spread(byRate),
        target: `≥ ${target}`,
        met: median(byRate) >= target,
      },
      {
        name: '  CPU per request',
        ours: spread(cpuUs.ours, ' µs'),
        limit: spread(cpuUs.limit, ' µs'),
        ratio: spread(ratios(cpuUs.ours, cpuUs.limit)),
        target: '',
        met: true,
      },
    ]
  } finally {
    await platform.stop()
  }
})
