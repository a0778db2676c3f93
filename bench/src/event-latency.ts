import { once } from 'node:events'
import { Agent, createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { benchmark, type Helper } from './benchmark.ts'
import { startPlatform } from './platform.ts'
import { alternate, median, percentile, ratios, spread } from './report.ts'

const rounds = 3
const warmUpMs = 4_000
const roundMs = 10_000
const perSecond = 1_000
const tags = 50
const connections = 16
const targetMs = 50

/** The clock of this machine, the same in every process. */
const now = () => performance.timeOrigin + performance.now()

interface Target {
  url: string
  headers: Record<string, string>
  ids: string[]
}

/** Changes tags at an even pace, whatever the answers take; each carries the time at which it was sent. */
function writer({ url, headers, ids }: Target) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const put = (id: string) =>
    new Promise<number>((resolve, reject) => {
      const request = httpRequest(`${url}/v1.0/tags/${id}`, { method: 'PUT', agent, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!))
      })
      request.on('error', reject)
      request.end(JSON.stringify({ name: 'bench', detail: String(now()) }))
    })
  const run = async (ms: number) => {
    const started = performance.now()
    const answers: Promise<number>[] = []
    while (answers.length < (ms / 1_000) * perSecond) {
      const due = ((performance.now() - started) / 1_000) * perSecond
      while (answers.length < due) answers.push(put(ids[answers.length % ids.length]!))
      await sleep(1)
    }
    const statuses = await Promise.all(answers)
    return { sent: statuses.length, failed: statuses.filter((status) => status !== 200).length }
  }
  return { commands: { run }, stop: async () => agent.destroy() }
}

/** What takes a PUT and sends a frame of the same size to its sockets, and does nothing else. */
async function bareBroadcast({ frame }: { frame: { data: Record<string, unknown> } }) {
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const event = { ...frame, time: new Date(now()).toISOString(), data: { ...frame.data, ...JSON.parse(text) } }
    const body = JSON.stringify(event)
    for (const socket of sockets.clients) socket.send(body)
    response.end(JSON.stringify(event.data))
  })
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

interface Frame {
  type: string
  time: string
  data: { detail: string }
}

/** Hears the changes, and how old each is when it comes. */
async function listen(url: string) {
  const socket = new WebSocket(url)
  let ages: { fromCommit: number; fromRequest: number }[] = []
  let last: Frame | undefined
  let subscribed = () => {}
  socket.on('message', (data) => {
    const arrived = now()
    const frame = JSON.parse(String(data)) as Frame
    if (frame.type === 'subscribed') return subscribed()
    if (frame.type !== 'tag_updated') return
    last = frame
    ages.push({ fromCommit: arrived - Date.parse(frame.time), fromRequest: arrived - Number(frame.data.detail) })
  })
  await once(socket, 'open')
  return {
    last: () => last,
    subscribe: (topics: string[]) =>
      new Promise<void>((resolve) => {
        subscribed = resolve
        socket.send(JSON.stringify({ type: 'subscribe', topics }))
      }),
    /** Those of `count` changes, once they are all there. */
    async take(count: number) {
      for (let waitedMs = 0; ages.length < count && waitedMs < 10_000; waitedMs += 20) await sleep(20)
      const taken = ages
      ages = []
      if (taken.length !== count) throw new Error(`${count} changes, ${taken.length} frames`)
      return taken
    },
    close: () => socket.close(),
  }
}

await benchmark({ writer, bareBroadcast }, async (start) => {
  const platform = await startPlatform()
  try {
    const ids: string[] = []
    let customerId = ''
    for (let count = 0; count < tags; count++) {
      const tag = await platform.rest<{ id: string; customer_id: string }>('POST', '/tags', { name: 'bench' })
      ids.push(tag.id)
      customerId = tag.customer_id
    }
    const { url, headers, accesskey } = platform
    const ours = {
      writer: await start('writer', { url, headers, ids }),
      listener: await listen(`${url.replace('http', 'ws')}/v1.0/ws?accesskey=${accesskey}`),
    }
    await ours.listener.subscribe([`customer_id:${customerId}:tag`])

    const run = async (side: { writer: Helper; listener: typeof ours.listener }, ms = roundMs) => {
      const { sent, failed } = await side.writer.ask<{ sent: number; failed: number }>('run', ms)
      if (failed > 0) throw new Error(`${failed} of ${sent} requests failed`)
      return side.listener.take(sent)
    }
    await run(ours, warmUpMs)
    const bareUrl = (await start<string>('bareBroadcast', { frame: ours.listener.last() })).ready
    const bare = {
      writer: await start('writer', { url: bareUrl, headers, ids }),
      listener: await listen(bareUrl.replace('http', 'ws')),
    }
    await run(bare, warmUpMs)
    const cpu: number[] = []
    const results = await alternate(
      rounds,
      async () => {
        const before = await platform.cpuMs()
        const ages = await run(ours)
        cpu.push((((await platform.cpuMs()) - before) * 1_000) / ages.length)
        return ages
      },
      () => run(bare),
    )
    ours.listener.close()
    bare.listener.close()

    const figure = (name: string, share: number, from: 'fromCommit' | 'fromRequest') => {
      const side = (rounds: (typeof results)['ours']) =>
        rounds.map((ages) =>
          percentile(
            ages.map((age) => age[from]),
            share,
          ),
        )
      const [mine, limit] = [side(results.ours), side(results.limit)]
      return {
        name,
        ours: spread(mine, ' ms'),
        limit: spread(limit, ' ms'),
        ratio: spread(ratios(mine, limit)),
        target: '',
        met: true,
        median: median(mine),
      }
    }
    const p99 = figure(
      `commit to WebSocket p99 at ${perSecond.toLocaleString('en')} events/s (limit: ws broadcast)`,
      0.99,
      'fromCommit',
    )
    return [
      { ...p99, target: `< ${targetMs} ms`, met: p99.median < targetMs },
      figure('  p50', 0.5, 'fromCommit'),
      figure('  request to WebSocket p99', 0.99, 'fromRequest'),
      { name: '  CPU per PUT and its event', ours: spread(cpu, ' µs'), limit: '', ratio: '', target: '', met: true },
    ]
  } finally {
    await platform.stop()
  }
})
