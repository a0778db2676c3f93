import type { LiveFeed } from '@sidetone/bus'
import { type Client, internalIdentity } from '@sidetone/contract'
import type { StreamEvent, timelineContract } from '@sidetone/proto-schemas/timeline'
import type { Logger } from '@sidetone/telemetry'

/** The events of one customer, in order and without a gap, for as long as somebody listens. */
export interface EventStream {
  /** The cursor of the last event that listeners have got. */
  readonly head: number
  /** Events after a cursor, oldest first; fewer than asked for only when there are no more. */
  after: (cursor: number, limit: number) => Promise<StreamEvent[]>
  close: () => void
}

interface EventStreamOptions {
  customerId: string
  feed: LiveFeed
  timeline: Client<typeof timelineContract>
  log: Logger
  onEvent: (event: StreamEvent) => void
}

/** How often to look whether the live feed has lost the newest events, which no later one has given away yet. */
const checkEveryMs = 2_000
const batch = 500

/**
 * The live feed is fast but may lose messages; the timeline has them all. The cursor counts a customer's events without
 * gaps, so a jump in the feed shows a loss, which is then fetched.
 */
export async function openEventStream({
  customerId,
  feed,
  timeline,
  log,
  onEvent,
}: EventStreamOptions): Promise<EventStream> {
  const identity = internalIdentity(customerId)
  const fetchAfter = (cursor: number, limit: number) => timeline.timeline.after({ cursor, limit }, { identity })
  let head = -1
  let filling = false
  let wanted = false

  async function fill(): Promise<void> {
    wanted = true
    if (filling) return
    filling = true
    try {
      while (wanted) {
        wanted = false
        const { events } = await fetchAfter(head, batch)
        for (const event of events) deliver(event)
        if (events.length === batch) wanted = true
      }
    } catch (error) {
      log.warn({ err: error, customer_id: customerId }, 'the timeline did not answer; trying again')
    } finally {
      filling = false
    }
  }

  function deliver(event: StreamEvent): void {
    if (event.cursor <= head) return
    head = event.cursor
    onEvent(event)
  }

  const unsubscribe = feed.subscribe(`customer_id:${customerId}:`, (_topic, body) => {
    const event = JSON.parse(body) as StreamEvent
    if (head === -1 || event.cursor <= head) return
    if (event.cursor === head + 1 && !filling) deliver(event)
    else void fill()
  })
  try {
    head = (await fetchAfter(Number.MAX_SAFE_INTEGER, 1)).head
  } catch (error) {
    unsubscribe()
    throw error
  }
  const timer = setInterval(() => void fill(), checkEveryMs)
  timer.unref()

  return {
    get head() {
      return head
    },
    after: async (cursor, limit) => (await fetchAfter(cursor, limit)).events,
    close() {
      clearInterval(timer)
      unsubscribe()
    },
  }
}
