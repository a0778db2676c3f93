import { type Channel, channelView } from './channel.ts'
import { type Core, timestamp } from './core.ts'

/** Tells how dialling goes: '' when it begins, then RINGING, PROGRESS, ANSWER or why it failed. */
export function emitDial(core: Core, channel: Channel, dialstring: string, dialstatus: string): void {
  core.emit(
    { type: 'Dial', timestamp: timestamp(), dialstatus, forward: '', dialstring, peer: channelView(channel) },
    { channel: channel.id, endpoint: channel.endpoint },
  )
}

const UNAVAILABLE = new Set([1, 3, 20, 27, 38, 58, 66])

/** A failed dial's status by its Q.850 cause, as ARI clients know it from Asterisk. */
export function dialStatus(cause: number): string {
  if (cause === 17) return 'BUSY'
  if (cause === 34 || cause === 42) return 'CONGESTION'
  return UNAVAILABLE.has(cause) ? 'CHANUNAVAIL' : 'NOANSWER'
}
