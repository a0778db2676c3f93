import type { LiveFeed } from '@sidetone/bus'
import type { Client } from '@sidetone/contract'
import type { StreamEvent, timelineContract } from '@sidetone/proto-schemas/timeline'
import type { Logger } from '@sidetone/telemetry'
import { type EventStream, openEventStream } from './event-stream.ts'

type Listener = (event: StreamEvent) => void

/** The streams of all customers that somebody listens to: one per customer, however many connections. */
export interface EventStreams {
  /** Hear a customer's events after `cursor` (absent: from now on), in order and without a gap. */
  join: (customerId: string, listener: Listener, cursor?: number) => Promise<{ cursor: number; leave: () => void }>
  close: () => void
}

interface OpenStream {
  stream: EventStream
  listeners: Set<Listener>
  /** Those who listen or are still catching up. */
  members: number
}

const batch = 500

export function createEventStreams(options: {
  feed: LiveFeed
  timeline: Client<typeof timelineContract>
  log: Logger
}): EventStreams {
  const open = new Map<string, Promise<OpenStream>>()

  function streamOf(customerId: string): Promise<OpenStream> {
    const known = open.get(customerId)
    if (known) return known
    const listeners = new Set<Listener>()
    const opening = openEventStream({
      ...options,
      customerId,
      onEvent: (event) => {
        for (const listener of listeners) listener(event)
      },
    }).then((stream) => ({ stream, listeners, members: 0 }))
    open.set(customerId, opening)
    opening.catch(() => open.delete(customerId))
    return opening
  }

  return {
    async join(customerId, listener, cursor) {
      const opened = await streamOf(customerId)
      const { stream, listeners } = opened
      opened.members += 1
      const leave = () => {
        listeners.delete(listener)
        opened.members -= 1
        if (opened.members > 0) return
        stream.close()
        open.delete(customerId)
      }
      let position = cursor ?? stream.head
      try {
        // Catch up from the timeline; the last look and the joining happen in one turn, so nothing falls between.
        while (position < stream.head) {
          const events = await stream.after(position, batch)
          for (const event of events) listener(event)
          position = events.at(-1)?.cursor ?? stream.head
        }
      } catch (error) {
        leave()
        throw error
      }
      listeners.add(listener)
      return { cursor: position, leave }
    },
    close() {
      for (const opening of open.values()) void opening.then(({ stream }) => stream.close())
      open.clear()
    },
  }
}
