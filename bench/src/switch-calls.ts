import { asteriskAbsent } from '@sidetone/softswitch/real-asterisk'
import { benchmark } from './benchmark.ts'
import { alternate, median, percentile, ratios, spread } from './report.ts'
import { recordSecond, type Side, startSide, switchRoles } from './switches.ts'

const rounds = 4
const steady = { perSecond: 40, seconds: 5 }
const stepSeconds = 3
const firstStep = 60
const growth = 1.25
const highest = 1_000
/** A rate is met when this many of a hundred calls are answered so soon, and all are. */
const [share, withinMs] = [0.99, 250]
const target = 0.5

type Phones = Awaited<ReturnType<Side['phones']>>

/** Answer, play a second, hang up: CPU per call and times to the 200 at a rate that both bear. */
async function atSteadyRate(side: Side, phones: Phones) {
  const before = await side.usage()
  const { answerMs, completed, refused } = await phones.flow(steady)
  const spentMs = (await side.usage()).cpuMs - before.cpuMs
  await side.check()
  if (completed !== steady.perSecond * steady.seconds)
    throw new Error(`${side.name}: ${completed} calls completed, refused were ${JSON.stringify(refused)}`)
  return {
    perCore: (completed * 1_000) / spentMs,
    p50: percentile(answerMs, 0.5),
    p99: percentile(answerMs, 0.99),
  }
}

/** The highest rate that is met, of rates that grow by a quarter. */
async function highestRate(phones: Phones): Promise<number> {
  let met = 0
  for (let rate = firstStep; rate <= highest; rate = Math.round(rate * growth)) {
    const { answerMs, completed } = await phones.flow({ perSecond: rate, seconds: stepSeconds })
    if (completed < rate * stepSeconds || percentile(answerMs, share) > withinMs) break
    met = rate
  }
  return met
}

await benchmark(switchRoles, async (start) => {
  if (asteriskAbsent) {
    console.log(`skipped: ${asteriskAbsent}`)
    return []
  }
  const sides = [await startSide(start, 'softswitch'), await startSide(start, 'asterisk')] as const
  const phones: Phones[] = []
  for (const side of sides) {
    await recordSecond(side)
    await side.behave({ kind: 'play' })
    phones.push(await side.phones({ audio: false }))
  }
  const [ours, theirs] = sides
  const [ourPhones, theirPhones] = phones as [Phones, Phones]
  const measured = async (side: Side, from: Phones) => ({
    ...(await atSteadyRate(side, from)),
    highest: await highestRate(from),
  })
  await ourPhones.flow(steady)
  await theirPhones.flow(steady)
  const results = await alternate(
    rounds,
    () => measured(ours, ourPhones),
    () => measured(theirs, theirPhones),
  )
  const figure = (
    name: string,
    of: (result: (typeof results.ours)[number]) => number,
    unit: string,
    least?: number,
  ) => {
    const [mine, limit] = [results.ours.map(of), results.limit.map(of)]
    const ratio = ratios(mine, limit)
    return {
      name,
      ours: spread(mine, unit),
      limit: spread(limit, unit),
      ratio: spread(ratio),
      target: least === undefined ? '' : `≥ ${least}`,
      met: least === undefined || median(ratio) >= least,
    }
  }
  return [
    figure('calls of a second, per core (limit: Asterisk)', ({ perCore }) => perCore, ' /s', target),
    figure(`  highest rate with p99 ≤ ${withinMs} ms`, (result) => result.highest, ' /s', target),
    figure(`  INVITE to 200 at ${steady.perSecond} /s, p50`, ({ p50 }) => p50, ' ms'),
    figure('  p99 of a round', ({ p99 }) => p99, ' ms'),
  ]
})
