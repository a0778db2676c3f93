import { asteriskAbsent } from '@sidetone/softswitch/real-asterisk'
import { benchmark } from './benchmark.ts'
import type { Heard } from './load-phone.ts'
import { alternate, median, ratios, spread } from './report.ts'
import { type Side, startSide, switchRoles } from './switches.ts'

const rounds = 4
const calls = 200
/** Of these, in a process of their own, which has nothing else to do than to hear when packets come. */
const ears = 10
const perSecond = 100
const listenSeconds = 4
const roomSize = 10
const frameMs = 20
const leastRatio = 0.5
const mostMb = 1
const mostPacingMs = 5
/** Of the packets sent: so many must come back from another with sound. */
const leastHeard = 0.97

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)

/** Calls with sound both ways, in bridges of `size`: what they cost, and whether all of it arrives. */
async function talk(side: Side, size: number) {
  const crowd = await side.phones({ audio: true })
  const probe = await side.phones({ audio: true, attentive: true })
  await side.behave({ kind: 'rooms', size })
  const idle = await side.usage()
  const opened = [await crowd.open({ calls: calls - ears, perSecond }), await probe.open({ calls: ears, perSecond })]
  const answered = sum(opened.map(({ answerMs }) => answerMs.length))
  if (answered !== calls) throw new Error(`${side.name} answered ${answered} of ${calls} calls`)
  const listen = (seconds: number) => Promise.all([crowd, probe].map((phones) => phones.listen({ seconds })))
  await listen(1) // until jitter buffers have found their depth
  const before = await side.usage()
  const from = performance.now()
  const heard = await listen(listenSeconds)
  const tookMs = performance.now() - from
  const after = await side.usage()
  for (const phones of [crowd, probe]) {
    await phones.hangUp()
    await phones.stop()
  }
  await side.check()
  // Only what was carried counts: a switch that skips packets for want of CPU time is not the cheaper one.
  const all = (of: (one: Heard) => number) => sum(heard.map(of))
  const carried = all(({ received }) => received) / ((listenSeconds * 1_000) / frameMs)
  return {
    perCore: (carried * tookMs) / (after.cpuMs - before.cpuMs),
    mbPerCall: (after.rssMb - idle.rssMb) / calls,
    pacingMs: heard[1]!.pacingMs.p99,
    heardShare: all(({ withSound }) => withSound) / all(({ sent }) => sent),
  }
}

await benchmark(switchRoles, async (start) => {
  if (asteriskAbsent) {
    console.log(`skipped: ${asteriskAbsent}`)
    return []
  }
  const ours = await startSide(start, 'softswitch')
  const theirs = await startSide(start, 'asterisk')
  const pairs = await alternate(
    rounds,
    () => talk(ours, 2),
    () => talk(theirs, 2),
  )
  const rooms = await alternate(
    rounds,
    () => talk(ours, roomSize),
    () => talk(theirs, roomSize),
  )
  type Result = (typeof pairs.ours)[number]
  const sides = (results: typeof pairs, of: (result: Result) => number, unit: string) => ({
    ours: spread(results.ours.map(of), unit),
    limit: spread(results.limit.map(of), unit),
    ratio: spread(ratios(results.ours.map(of), results.limit.map(of))),
  })
  const ratioOf = (results: typeof pairs) =>
    median(
      ratios(
        results.ours.map(({ perCore }) => perCore),
        results.limit.map(({ perCore }) => perCore),
      ),
    )
  // What a process took for its first calls it keeps for the next ones.
  const first = { ours: pairs.ours.slice(0, 1), limit: pairs.limit.slice(0, 1) }
  const heard = pairs.ours.map(({ heardShare }) => heardShare)
  return [
    {
      name: 'calls with audio, in pairs, per core (limit: Asterisk)',
      ...sides(pairs, ({ perCore }) => perCore, ''),
      target: `≥ ${leastRatio}`,
      met: ratioOf(pairs) >= leastRatio,
    },
    {
      name: `  packets heard with sound, of ${calls} calls`,
      ...sides(pairs, ({ heardShare }) => heardShare, ''),
      target: `≥ ${leastHeard}`,
      met: median(heard) >= leastHeard,
    },
    {
      name: '  pacing error at the phone, p99',
      ...sides(pairs, ({ pacingMs }) => pacingMs, ' ms'),
      target: `< ${mostPacingMs} ms`,
      met: median(pairs.ours.map(({ pacingMs }) => pacingMs)) < mostPacingMs,
    },
    {
      name: '  memory per call',
      ...sides(first, ({ mbPerCall }) => mbPerCall, ' MB'),
      target: `< ${mostMb} MB`,
      met: first.ours[0]!.mbPerCall < mostMb,
    },
    {
      name: `participants in rooms of ${roomSize}, per core`,
      ...sides(rooms, ({ perCore }) => perCore, ''),
      target: `≥ ${leastRatio}`,
      met: ratioOf(rooms) >= leastRatio,
    },
  ]
})
