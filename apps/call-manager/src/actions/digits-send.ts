import { done, type MediaAction } from './action.ts'

/** Presses keys for the other side, and waits until it must have heard them. */
export const digitsSend: MediaAction<'digits_send'> = {
  async begin(core, _call, { digits, duration, interval }) {
    const count = digits.length
    if (count === 0) return done
    return {
      timerMs: count * duration + (count - 1) * interval,
      after: (call) => core.ari(call.asterisk_id).sendDigits(call.channel_id, { digits, duration, interval }),
    }
  },
  on: (_core, _call, _option, signal) => (signal.type === 'timer' ? done : undefined),
}
