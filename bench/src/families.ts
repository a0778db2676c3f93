import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { embedded, findRealServices } from '@sidetone/e2e'
import autocannon from 'autocannon'
import { Hono } from 'hono'
import { benchmark, type Helper } from './benchmark.ts'
import { type Platform, startPlatform } from './platform.ts'
import { alternate, type Figure, median, ratios, spread } from './report.ts'

const rounds = 3
const roundSeconds = 1
const connections = 32
const pageSize = 20

/** What is made of each; some must differ from all others. Not agents: to make one is to hash a password, which is slow on purpose. */
const families: Record<string, (n: number) => object> = {
  tags: (n) => ({ name: `tag ${n}`, detail: '' }),
  flows: (n) => ({ name: `flow ${n}`, actions: [{ type: 'answer' }, { type: 'hangup' }] }),
  numbers: (n) => ({ number: `+1556${String(n).padStart(7, '0')}`, name: `number ${n}` }),
  extensions: (n) => ({ extension: `bench${n}`, password: 'secret secret' }),
  accesskeys: (n) => ({ name: `key ${n}` }),
}

interface Load {
  method: 'GET' | 'POST'
  path: string
  body?: (n: number) => object
}

/** A Hono route that reads what it is sent and answers the same JSON, and does nothing else. */
async function bareRoute() {
  let answer: object = {}
  const app = new Hono()
  app.get('*', (c) => c.json(answer))
  app.post('*', async (c) => {
    await c.req.json()
    return c.json(answer)
  })
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const starting = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(starting))
  })
  return {
    ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    commands: {
      answers: (value: object) => {
        answer = value
      },
    },
  }
}

let made = 0

/** Requests a second, and CPU time of the server that each one took. */
async function measure(
  { method, path, body }: Load,
  server: { url: string; headers: Record<string, string>; cpuMs: () => Promise<number> },
) {
  const before = await server.cpuMs()
  const { requests, errors, non2xx } = await autocannon({
    url: `${server.url}/v1.0${path}`,
    method,
    headers: server.headers,
    connections,
    duration: roundSeconds,
    ...(body && { requests: [{ setupRequest: (request) => ({ ...request, body: JSON.stringify(body(++made)) }) }] }),
  })
  if (errors + non2xx > 0) throw new Error(`${method} ${path}: ${errors + non2xx} requests failed`)
  return { perSecond: requests.average, cpuMs: ((await server.cpuMs()) - before) / requests.total }
}

async function figuresOf(backing: string, platform: Platform, bare: Helper<string>): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [family, body] of Object.entries(families)) {
    const { id } = await platform.rest<{ id: string }>('POST', `/${family}`, body(++made))
    const loads: Record<string, Load> = {
      create: { method: 'POST', path: `/${family}`, body },
      list: { method: 'GET', path: `/${family}?page_size=${pageSize}` },
      get: { method: 'GET', path: `/${family}/${id}` },
    }
    for (const [what, load] of Object.entries(loads)) {
      await bare.ask(
        'answers',
        await platform.rest<object>('GET', load.method === 'GET' ? load.path : `/${family}/${id}`),
      )
      const { ours, limit } = await alternate(
        rounds,
        () => measure(load, platform),
        () => measure(load, { ...platform, url: bare.ready, cpuMs: bare.cpuMs }),
      )
      const rates = { ours: ours.map((r) => r.perSecond), limit: limit.map((r) => r.perSecond) }
      const cpu = (side: { cpuMs: number }[]): string => `${median(side.map((r) => r.cpuMs)).toFixed(2)} ms CPU`
      figures.push({
        name: `${family} ${what}, ${backing}`,
        ours: `${spread(rates.ours, ' /s')}; ${cpu(ours)}`,
        limit: `${spread(rates.limit, ' /s')}; ${cpu(limit)}`,
        ratio: spread(ratios(rates.ours, rates.limit)),
        target: '',
        met: true,
      })
    }
  }
  return figures
}

await benchmark({ bareRoute }, async (start) => {
  const bare = await start<string>('bareRoute')
  const real = await findRealServices('families on MariaDB, RabbitMQ and Redis')
  const figures: Figure[] = []
  for (const [name, prepare] of [['SQLite', embedded] as const, ...(real ? [['real services', real] as const] : [])]) {
    const { env, remove } = await prepare()
    try {
      const platform = await startPlatform(env)
      try {
        figures.push(...(await figuresOf(name, platform, bare)))
      } finally {
        await platform.stop()
      }
    } finally {
      await remove()
    }
  }
  return figures
})
