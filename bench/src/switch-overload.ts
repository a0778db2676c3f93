import { benchmark } from './benchmark.ts'
import { againstTarget, percentile } from './report.ts'
import { startSide, switchRoles } from './switches.ts'

const step = 50
const perSecond = 100
const mostCalls = 2_000
const settleSeconds = 2
const listenSeconds = 5
const leastHeard = 0.97
const mostPacingMs = 20

// Calls with sound both ways in pairs, more and more, until the switch refuses one; then as many again.
await benchmark(switchRoles, async (start) => {
  const side = await startSide(start, 'softswitch', { maxCalls: mostCalls })
  await side.behave({ kind: 'rooms', size: 2 })
  const phones = await side.phones({ audio: true })
  const refused: Record<string, number> = {}
  const answerMs: number[] = []
  const offer = async (calls: number) => {
    const answers = await phones.open({ calls, perSecond })
    answerMs.push(...answers.answerMs)
    for (const [status, times] of Object.entries(answers.refused)) refused[status] = (refused[status] ?? 0) + times
    return Object.keys(answers.refused).length > 0
  }
  let offered = 0
  for (let isFull = false; !isFull && offered < mostCalls; offered += step) isFull = await offer(step)
  const limit = answerMs.length
  await offer(2 * limit - offered)
  await phones.listen({ seconds: settleSeconds })
  const { sent, withSound, pacingMs } = await phones.listen({ seconds: listenSeconds })
  const { 503: busy = 0, ...others } = refused
  await phones.hangUp()
  await phones.stop()
  await side.check()

  const heard = withSound / sent
  return [
    againstTarget(
      `of ${2 * limit} calls offered: taken, refused with 503, otherwise`,
      `${answerMs.length}, ${busy}, ${JSON.stringify(others)}`,
      'none otherwise',
      Object.keys(others).length === 0,
    ),
    againstTarget('  INVITE to 200 of those taken, p99', `${percentile(answerMs, 0.99).toFixed(1)} ms`, '', true),
    againstTarget('  their packets heard with sound', heard.toFixed(3), `≥ ${leastHeard}`, heard >= leastHeard),
    againstTarget(
      '  pacing error at the phone, p99',
      `${pacingMs.p99.toFixed(1)} ms`,
      `< ${mostPacingMs} ms`,
      pacingMs.p99 < mostPacingMs,
    ),
  ]
})
