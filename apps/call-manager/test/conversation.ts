import { expect, vi } from 'vitest'
import type { Lab } from './platform.ts'

export const uriOf = (user: string) => `sip:${user}@sidetone.localhost`

/** The newest calls once they have ended, each with exactly one call_hangup: who it was with, and why it ended. */
export async function endsOf({ calls, told }: Lab, count: number): Promise<string[]> {
  const all = async () => (await calls.list({})).result.slice(0, count)
  await vi.waitUntil(async () => (await all()).every(({ status }) => status === 'hangup'), { timeout: 5_000 })
  const ended = await all()
  for (const { id } of ended) {
    expect((await told(id)).filter((type) => type === 'call_hangup')).toHaveLength(1)
  }
  const name = ({ direction, source, destination }: (typeof ended)[number]) =>
    direction === 'incoming'
      ? `from ${source.target_name || source.target}`
      : `to ${destination.target_name || destination.target}`
  return ended.map((call) => `${name(call)}: ${call.hangup_reason}`).sort()
}
