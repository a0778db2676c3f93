import type { Call } from './call.ts'

/** Resolves when each hears what the other says, in both directions. */
export async function hear(one: Call, other: Call): Promise<void> {
  const heard = [other.waitForTone(600), one.waitForTone(1_100)]
  void one.play({ frequency: 600, durationMs: 5_000 })
  void other.play({ frequency: 1_100, durationMs: 5_000 })
  await Promise.all(heard)
  one.stopPlaying()
  other.stopPlaying()
}
