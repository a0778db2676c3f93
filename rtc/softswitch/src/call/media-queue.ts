import type { Frame } from '../media/index.ts'

/** As in Asterisk's chan_websocket: frames of 20 ms at which the other side is told to wait, and to go on. */
const queueLevels = { xon: 800, xoff: 900, full: 1000 }

type Item = Frame | (() => void)

/** What an application has sent ahead: frames, and marks that are called when the playing has come to them. */
export function createMediaQueue(tell: (event: 'MEDIA_XON' | 'MEDIA_XOFF' | 'QUEUE_DRAINED') => void) {
  let items: Item[] = []
  let isStopped = false
  let paused = false
  let reportsDrained = false

  function drained() {
    if (!reportsDrained || items.length > 0) return
    reportsDrained = false
    tell('QUEUE_DRAINED')
  }

  function mayGoOn() {
    if (!isStopped || items.length >= queueLevels.xon) return
    isStopped = false
    tell('MEDIA_XON')
  }

  return {
    /** What comes to a full queue is lost. */
    push(frame: Frame) {
      if (items.length >= queueLevels.full) return
      items.push(frame)
      if (isStopped || items.length < queueLevels.xoff) return
      isStopped = true
      tell('MEDIA_XOFF')
    },
    /** So many marks that they fill the queue once more are lost too. */
    mark(reached: () => void) {
      if (items.length < 2 * queueLevels.full) items.push(reached)
    },
    /** The frame of this tick; `null` when there is none. */
    next(): Frame | null {
      if (paused) return null
      if (items.length === 0) drained()
      for (let item = items.shift(); item; item = items.shift()) {
        mayGoOn()
        if (typeof item !== 'function') return item
        item()
      }
      return null
    },
    /** Marks are lost with the rest. */
    flush() {
      items = []
      paused = false
      mayGoOn()
      drained()
    },
    pause(on: boolean) {
      paused = on
    },
    reportDrained() {
      reportsDrained = true
    },
    status: () => ({
      queue_length: items.length,
      xon_level: queueLevels.xon,
      xoff_level: queueLevels.xoff,
      queue_full: isStopped,
      bulk_media: false,
      media_paused: paused,
    }),
  }
}
