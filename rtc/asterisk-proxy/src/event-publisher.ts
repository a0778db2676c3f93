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
  /** Publishes no more; resolves when what was under way is through or given up. */
  close(): Promise<void>
}

const retryMs = 500

/** Publishes what the node reports. An event is repeated until the bus has it, and its channel's later events wait for it. */
export function createEventPublisher({ transport, asteriskId, log }: PublisherOptions): EventPublisher {
  const channels = new Map<string, { sequence: number; last: Promise<void> }>()
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
      if (isIgnored(event) || stopped.signal.aborted) return
      const id = targetOf(event, asteriskId)
      const channel = channels.get(id) ?? { sequence: 0, last: Promise.resolve() }
      channels.set(id, channel)
      channel.sequence++
      const envelope: EventEnvelope = {
        id: newId(),
        type: 'ari_received',
        publisher: 'asterisk',
        customer_id: nilId,
        owner_id: nilId,
        resource: 'ari',
        resource_id: id,
        sequence: channel.sequence,
        time: new Date().toISOString(),
        data: { id, customer_id: nilId, asterisk_id: asteriskId, event } satisfies AriEvent,
      }
      const mine = channel.last.then(() => deliver(envelope))
      channel.last = mine
      const final = event.type === 'ChannelDestroyed' || event.type === 'BridgeDestroyed'
      if (final) void mine.then(() => channel.last === mine && channels.delete(id))
    },
    async close() {
      stopped.abort()
      await Promise.all(Array.from(channels.values(), ({ last }) => last))
    },
  }
}
