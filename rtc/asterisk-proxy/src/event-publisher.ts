import { setTimeout as sleep } from 'node:timers/promises'
import type { Transport } from '@sidetone/bus'
import { type EventEnvelope, nilId } from '@sidetone/contract'
import type { AriEvent } from '@sidetone/proto-schemas/asterisk'
import type { Logger } from 'pino'
import { v7 as newId } from 'uuid'
import type { AriMessage } from './ari-socket.ts'
import { isIgnored, targetOf } from './event-target.ts'

interface PublisherOptions {
  transport: Transport
  asteriskId: string
  log: Logger
}

export interface EventPublisher {
  publish(event: AriMessage): void
  /** Takes nothing new; resolves when what it took is through, or after a while given up. */
  close(): Promise<void>
}

const retryMs = 500
const drainMs = 3_000

/** Publishes what the node reports. An event is repeated until the bus has it, and its channel's later events wait for it. */
export function createEventPublisher({ transport, asteriskId, log }: PublisherOptions): EventPublisher {
  /** What is under way, by channel. */
  const pending = new Map<string, Promise<void>>()
  let sequence = 0
  let closing = false
  const stopped = new AbortController()

  async function deliver(envelope: EventEnvelope): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        return await transport.publish(envelope)
      } catch (err) {
        log.warn({ err, event_id: envelope.id }, 'an event of the RTC node could not be published, will try again')
        await sleep(retryMs, undefined, { signal: stopped.signal }).catch(() => undefined)
      }
    }
  }

  return {
    publish(event) {
      if (isIgnored(event) || closing) return
      const id = targetOf(event, asteriskId)
      const envelope: EventEnvelope = {
        id: newId(),
        type: 'ari_received',
        publisher: 'asterisk',
        customer_id: nilId,
        owner_id: nilId,
        resource: 'ari',
        resource_id: id,
        // Grows over all channels: nobody replays events of the node, so nobody looks for gaps.
        sequence: ++sequence,
        time: new Date().toISOString(),
        data: { id, customer_id: nilId, asterisk_id: asteriskId, event } satisfies AriEvent,
      }
      const mine = (pending.get(id) ?? Promise.resolve()).then(() => deliver(envelope))
      pending.set(id, mine)
      void mine.then(() => pending.get(id) === mine && pending.delete(id))
    },
    async close() {
      closing = true
      const patience = setTimeout(() => stopped.abort(), drainMs)
      await Promise.all(pending.values())
      clearTimeout(patience)
    },
  }
}
