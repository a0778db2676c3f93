import { createClient, createInProcessTransport, serveContract } from '@sidetone/bus'
import { internalIdentity } from '@sidetone/contract'
import { createLogger } from '@sidetone/telemetry'
import { benchmark, cpuMs } from './benchmark.ts'
import { alternate, median, ratios, spread } from './report.ts'
import { type Thing, thing, thingContract } from './thing-contract.ts'

const rounds = 7
const callsInRound = 100_000
const inFlight = 64
const target = 100_000

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** `calls` calls, `inFlight` at a time. */
async function round(call: () => Promise<unknown>): Promise<{ perSecond: number; cpuUs: number }> {
  const [started, cpuBefore] = [performance.now(), cpuMs()]
  const caller = async () => {
    for (let count = 0; count < callsInRound / inFlight; count++) await call()
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  return {
    perSecond: callsInRound / ((performance.now() - started) / 1_000),
    cpuUs: ((cpuMs() - cpuBefore) * 1_000) / callsInRound,
  }
}

await benchmark({}, async () => {
  const log = createLogger({ service: 'bench', level: 'warn' })
  const transport = createInProcessTransport({ log })
  const serving = await serveContract(thingContract, { thing: { get: async () => thing } }, { transport, log })
  const client = createClient(thingContract, { transport, publisher: 'bench' })
  const identity = internalIdentity(thing.customer_id)

  const get = async (_: { id: string }): Promise<Thing> => thing
  const ours = () => round(() => client.thing.get({ id: thing.id }, { identity }))
  const limit = () => round(async () => copy(await get(copy({ id: thing.id }))))

  await ours()
  await limit()
  const results = await alternate(rounds, ours, limit)
  await serving.close()
  await transport.close()

  const perSecond = { ours: results.ours.map((r) => r.perSecond), limit: results.limit.map((r) => r.perSecond) }
  const cpuUs = { ours: results.ours.map((r) => r.cpuUs), limit: results.limit.map((r) => r.cpuUs) }
  return [
    {
      name: 'RPC in process (limit: async function and JSON copies)',
      ours: spread(perSecond.ours, ' /s'),
      limit: spread(perSecond.limit, ' /s'),
      ratio: spread(ratios(perSecond.ours, perSecond.limit)),
      target: `≥ ${target.toLocaleString('en')} /s`,
      met: median(perSecond.ours) >= target,
    },
    {
      name: '  CPU per call',
      ours: spread(cpuUs.ours, ' µs'),
      limit: spread(cpuUs.limit, ' µs'),
      ratio: spread(ratios(cpuUs.ours, cpuUs.limit)),
      target: '',
      met: true,
    },
  ]
})
