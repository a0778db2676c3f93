import type { Scenario } from '@sidetone/proto-schemas/simulation'

type CallerStep = Scenario['caller'][number]

/** A caller who does what the script says, and the clock that goes with it. */
export interface ScriptedCaller {
  /** Milliseconds since the flow began. */
  readonly clock: number
  readonly hasHungUp: boolean
  /** Digits that nothing has taken yet. */
  typed: string
  /** Lets so much time pass; less when the caller hangs up, or `isOver` says so after something the caller did. */
  pass: (ms: number, isOver?: () => boolean) => void
  /** Milliseconds until the last thing that the caller does. */
  left: () => number
}

export function scriptedCaller(steps: readonly CallerStep[], heard: (step: CallerStep) => void): ScriptedCaller {
  const waiting = steps.flatMap(oneByOne).toSorted((a, b) => a.at - b.at)
  let clock = 0
  let hasHungUp = false

  const caller: ScriptedCaller = {
    get clock() {
      return clock
    },
    get hasHungUp() {
      return hasHungUp
    },
    typed: '',
    pass(ms, isOver = () => false) {
      const end = clock + ms
      while (!hasHungUp && !isOver()) {
        const step = waiting[0]
        if (!step || step.at > end) {
          clock = end
          return
        }
        waiting.shift()
        clock = Math.max(clock, step.at)
        if (step.type === 'digits') caller.typed += step.value
        if (step.type === 'hangup') hasHungUp = true
        heard(step)
      }
    },
    left: () => Math.max(0, (waiting.at(-1)?.at ?? 0) - clock),
  }
  return caller
}

const oneByOne = (step: CallerStep): CallerStep[] =>
  step.type === 'digits' ? Array.from(step.value, (value) => ({ ...step, value })) : [step]
