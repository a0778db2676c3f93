import type { LiveFeed } from '@sidetone/bus'
import type { Client } from '@sidetone/contract'
import type { StreamEvent, timelineContract } from '@sidetone/proto-schemas/timeline'
import type { Logger } from '@sidetone/telemetry'
import { type EventStream, openEventStream } from './event-stream.ts'

type Listener = (event: StreamEvent) => void

/** The streams of all customers that somebody listens to: one per customer, however many connections. */
export interface EventStreams {
  /** Hear a customer's events, in order and without a gap. */
  join: (
    customerId: string,
    listener: Listener,
    options?: {
      /** Begin after this one; absent: from now on. */
      cursor?: number | undefined
      /** Asked after each batch of past events: resolves when the listener is ready for more, rejects when it is gone. */
      pace?: () => Promise<void>
    },
  ) => Promise<{ cursor: number; leave: () => void }>
  close: () => void
}

interface SharedStream {
  opening: Promise<EventStream>
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
  const open = new Map<string, SharedStream>()

  function streamOf(customerId: string): SharedStream {
    const known = open.get(customerId)
    if (known) return known
    const listeners = new Set<Listener>()
    const opening = openEventStream({
      ...options,
      customerId,
      onEvent: (event) => {
        for (const listener of listeners) listener(event)
      },
    })
    const shared = { opening, listeners, members: 0 }
    open.set(customerId, shared)
    return shared
  }

  return {
    async join(customerId, listener, { cursor, pace } = {}) {
      const shared = streamOf(customerId)
      shared.members += 1
      let left = false
      const leave = () => {
        if (left) return
        left = true
        shared.listeners.delete(listener)
        shared.members -= 1
        if (shared.members > 0) return
        if (open.get(customerId) === shared) open.delete(customerId)
        closeOpened(shared)
      }
      try {
        const stream = await shared.opening
        let position = Math.min(cursor ?? stream.head, stream.head)
        // Catch up from the timeline; the last look and the joining happen in one turn, so nothing falls between.
        while (position < stream.head) {
          const events = await stream.after(position, batch)
          for (const event of events) listener(event)
          position = events.at(-1)?.cursor ?? stream.head
          await pace?.()
        }
        shared.listeners.add(listener)
        return { cursor: position, leave }
      } catch (error) {
        leave()
        throw error
      }
    },
    close() {
      for (const shared of open.values()) closeOpened(shared)
      open.clear()
    },
  }
}

/** One that could not be opened has told those who waited for it. */
const closeOpened = ({ opening }: SharedStream): void =>
  void opening.then(
    (stream) => stream.close(),
    () => {},
  )
