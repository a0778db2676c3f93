import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { benchmark, type Helper } from './benchmark.ts'
import { startPlatform } from './platform.ts'
import { alternate, median, ratios, spread } from './report.ts'

const rounds = 5
const endpoints = 100
const tags = 50
const changesPerTag = 2
const sent = endpoints * tags * changesPerTag
/** Of the deliveries, at their first attempt. */
const failingShare = 10
/** What fails comes again after a pause; rates are those until this share of all was accepted. */
const rateShare = 0.8
const slowest = 0.95

interface Tally {
  accepted: number
  outOfOrder: number
  /** Until `rateShare` of `expected` was accepted. */
  ms: number
}

/** The web servers of as many customers, one of which never answers; a tenth of all deliveries is refused once. */
async function receivers() {
  const last = new Map<string, number>()
  const refused = new Set<string>()
  let expected = 0
  let begun = 0
  let seen = new Set<string>()
  let tally: Tally

  const statusFor = (port: number, { headers }: IncomingMessage, body: string): number => {
    begun ||= performance.now()
    const id = `${port} ${String(headers['webhook-id'])}`
    const event = JSON.parse(body) as { resource_id: string; sequence: number }
    const share = Number.parseInt(id.slice(-4), 16) % failingShare
    if (share === 0 && !refused.has(id)) {
      refused.add(id)
      return 500
    }
    if (seen.has(id)) return 204
    seen.add(id)
    const line = `${port} ${event.resource_id}`
    if (event.sequence !== (last.get(line) ?? event.sequence - 1) + 1) tally.outOfOrder++
    last.set(line, event.sequence)
    if (++tally.accepted === Math.ceil(expected * rateShare)) tally.ms = performance.now() - begun
    return 204
  }
  const listening = async (answers: boolean) => {
    const server = createServer(async (incoming, response) => {
      let body = ''
      for await (const chunk of incoming) body += chunk
      if (answers) response.writeHead(statusFor(port, incoming, body)).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return `http://127.0.0.1:${port}/`
  }
  const ready = {
    urls: await Promise.all(Array.from({ length: endpoints }, () => listening(true))),
    dead: await listening(false),
  }
  const commands = {
    expect(count: number) {
      expected = count
      begun = 0
      seen = new Set()
      tally = { accepted: 0, outOfOrder: 0, ms: 0 }
    },
    tally: () => tally,
  }
  return { ready, commands }
}

/** Sends as many signed requests of the same size, and keeps nothing. */
function bareSender({ urls }: { urls: string[] }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const post = (url: string, headers: Record<string, string>, body: string) =>
    new Promise<void>((resolve, reject) => {
      const request = httpRequest(url, { method: 'POST', agent, headers }, (response) =>
        response.resume().on('end', resolve),
      )
      request.on('error', reject).end(body)
    })
  const key = Buffer.alloc(32)
  async function run() {
    const queue = Array.from({ length: sent }, (_, index) => index)
    await Promise.all(
      Array.from({ length: 128 }, async () => {
        for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
          const id = crypto.randomUUID()
          const event = { id, type: 'tag_updated', resource_id: id, sequence: 1, data: { name: 'x'.repeat(300) } }
          const body = JSON.stringify(event)
          const headers = {
            'webhook-id': id,
            'webhook-signature': createHmac('sha256', key).update(body).digest('base64'),
          }
          await post(urls[index % urls.length]!, headers, body)
        }
      }),
    )
  }
  return { commands: { run }, stop: async () => agent.destroy() }
}

await benchmark({ receivers, bareSender }, async (start) => {
  const platform = await startPlatform()
  try {
    const { rest } = platform
    const receiver = await start<{ urls: string[]; dead: string }>('receivers')
    const { urls, dead } = receiver.ready
    const bare = await start('bareSender', { urls })
    const ids: string[] = []
    for (let count = 0; count < tags; count++)
      ids.push((await rest<{ id: string }>('POST', '/tags', { name: 'bench' })).id)
    const event_types = ['tag_updated']
    for (const uri of urls) await rest('POST', '/webhook_endpoints', { uri, event_types })
    const off = { uri: dead, event_types, status: 'disabled' }
    const deadId = (await rest<{ id: string }>('POST', '/webhook_endpoints', off)).id
    const switchDead = (status: string) => rest('PUT', `/webhook_endpoints/${deadId}`, { ...off, status })

    /** Webhooks a second; throws unless every one arrived, in order. */
    const run = async (): Promise<number> => {
      await receiver.ask('expect', sent)
      for (let change = 0; change < changesPerTag; change++)
        await Promise.all(ids.map((id) => rest('PUT', `/tags/${id}`, { name: 'bench', detail: 'x'.repeat(300) })))
      return rate(receiver, 60_000)
    }
    /** Runs, and notes what a webhook has cost. */
    const noting = (cpu: number[]) => async () => {
      const before = await platform.cpuMs()
      const perSecond = await run()
      cpu.push((((await platform.cpuMs()) - before) * 1_000) / sent)
      return perSecond
    }
    const cpu = { alone: [] as number[], beside: [] as number[], without: [] as number[] }
    const besideDead = async () => {
      await switchDead('enabled')
      const perSecond = await noting(cpu.beside)()
      await switchDead('disabled')
      return perSecond
    }
    const unkept = async () => {
      await receiver.ask('expect', sent)
      const started = performance.now()
      await bare.ask('run')
      return (sent / (performance.now() - started)) * 1_000
    }
    await run()
    await unkept()
    const alone = await alternate(rounds, noting(cpu.alone), unkept)
    const beside = await alternate(rounds, besideDead, noting(cpu.without))
    const share = ratios(beside.ours, beside.limit)
    return [
      {
        name: `webhooks to ${endpoints} endpoints, in order, 1 of ${failingShare} refused once, none lost (limit: sent, nothing kept)`,
        ours: spread(alone.ours, ' /s'),
        limit: spread(alone.limit, ' /s'),
        ratio: spread(ratios(alone.ours, alone.limit)),
        target: '',
        met: true,
      },
      { name: '  CPU per webhook', ours: spread(cpu.alone, ' µs'), limit: '', ratio: '', target: '', met: true },
      {
        name: '  beside an endpoint that never answers (limit: without it)',
        ours: spread(beside.ours, ' /s'),
        limit: spread(beside.limit, ' /s'),
        ratio: spread(share),
        target: `≥ ${slowest}`,
        met: median(share) >= slowest,
      },
      {
        name: '  CPU per webhook',
        ours: spread(cpu.beside, ' µs'),
        limit: spread(cpu.without, ' µs'),
        ratio: spread(ratios(cpu.beside, cpu.without)),
        target: '',
        met: true,
      },
    ]
  } finally {
    await platform.stop()
  }
})

async function rate(receiver: Helper, withinMs: number): Promise<number> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const { accepted, outOfOrder, ms } = await receiver.ask<Tally>('tally')
    if (outOfOrder > 0) throw new Error(`${outOfOrder} webhooks came out of order`)
    if (accepted === sent) return (sent * rateShare * 1_000) / ms
    if (waitedMs > withinMs) throw new Error(`${sent} webhooks, ${accepted} accepted`)
    await sleep(50)
  }
}
