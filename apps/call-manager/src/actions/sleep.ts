import { done, type MediaAction } from './action.ts'

export const sleep: MediaAction<'sleep'> = {
  begin: async (_core, _call, { duration }) => (duration > 0 ? { timerMs: duration } : done),
  on: (_core, _call, _option, signal) => (signal.type === 'timer' ? done : undefined),
}
