import type { Action, ActionOption, CallActionType } from '@sidetone/proto-schemas/action'
import { collectDigits } from './collect-digits.ts'
import { digitsVariable } from './conditions.ts'
import type { Answer } from './engine.ts'
import type { ScriptedCaller } from './scripted-caller.ts'
import type { FlowState } from './state.ts'

/** Speech is about so fast. */
const msPerChar = 65
const msPerFile = 3_000
const conversationMs = 10_000

const usual: { [T in CallActionType]?: (option: ActionOption<T>) => number } = {
  amd: ({ async }) => (async ? 0 : 3_000),
  beep: () => 500,
  confbridge_join: () => conversationMs,
  connect: () => conversationMs,
  digits_send: ({ digits, duration, interval }) => digits.length * duration + Math.max(0, digits.length - 1) * interval,
  echo: ({ duration }) => duration,
  play: ({ stream_urls }) => stream_urls.length * msPerFile,
  sleep: ({ duration }) => duration,
  stream_echo: ({ duration }) => duration,
  talk: ({ text, async }) => (async ? 0 : text.length * msPerChar),
}

/** A call that executes actions by letting the caller's time pass. */
export function simulatedCall(caller: ScriptedCaller) {
  /** How many of the typed digits a `talk` has put into the variable. */
  let shown = 0

  function receive(
    option: ActionOption<'digits_receive'>,
    durationMs: number,
    variables: FlowState['variables'],
  ): Answer {
    if (!variables[digitsVariable]) caller.typed = caller.typed.slice(shown)
    shown = 0
    caller.pass(durationMs, () => collectDigits(caller.typed, option).complete)
    const { digits, rest } = collectDigits(caller.typed, option)
    caller.typed = rest
    return { variables: { [digitsVariable]: digits } }
  }

  function interruptible(durationMs: number): Answer {
    const before = caller.typed.length
    caller.pass(durationMs, () => caller.typed.length > before)
    if (caller.typed.length === before) return {}
    shown = caller.typed.length
    return { variables: { [digitsVariable]: caller.typed } }
  }

  return {
    /** `durationMs`: how long it takes; absent: what is usual. */
    execute({ type, option }: Action, variables: FlowState['variables'], durationMs?: number): Answer {
      if (type === 'digits_receive') {
        const receiving = option as ActionOption<'digits_receive'>
        return receive(receiving, durationMs ?? receiving.duration, variables)
      }
      const usualMs = usual[type as CallActionType] as ((option: unknown) => number) | undefined
      const takes = durationMs ?? usualMs?.(option) ?? 0
      if (type === 'talk' && option.digits_handle === 'next') return interruptible(takes)
      caller.pass(takes)
      return {}
    },
  }
}
