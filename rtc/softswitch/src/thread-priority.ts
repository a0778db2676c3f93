import { constants, setPriority } from 'node:os'

const { PRIORITY_HIGH, PRIORITY_NORMAL } = constants.priority

/**
 * Lets the calling thread run before others of this machine, or as all do. Linux alone counts priorities by thread. To go first needs root or
 * CAP_SYS_NICE; without, nothing changes, and packets are a little less even where the machine is busy.
 */
export function setThreadPriority(priority: 'first' | 'as all'): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, priority === 'first' ? PRIORITY_HIGH : PRIORITY_NORMAL)
  } catch {
    // Not permitted.
  }
}
