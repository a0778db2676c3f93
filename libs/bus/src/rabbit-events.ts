import { commonError, EventEnvelope } from '@sidetone/contract'
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Options } from 'amqplib'
import type { Logger } from 'pino'
import { createEventRunner } from './event-runner.ts'
import type { BusMetrics } from './metrics.ts'
import { bindingKeyOf, deadLetterQueue, eventExchange, eventQueue, routingKeyOf } from './queues.ts'
import type { Link, LinkChannel } from './rabbit-link.ts'
import { type Closable, defaultDrainMs, type Subscription } from './transport.ts'

interface EventOptions {
  prefix: string
  retryDelaysMs: readonly number[] | undefined
  log: Logger
  metrics: BusMetrics
}

const prefetch = 256
/** After so many crashes or lost connections an event is taken for their cause. */
const deliveryLimit = 20
const reasonHeader = 'x-reason'

/** Durable events: a topic exchange, and a queue for each subscriber. */
export async function openEvents(link: Link, { prefix, retryDelaysMs, log, metrics }: EventOptions) {
  const exchange = prefix + eventExchange
  let publishing: ConfirmChannel | undefined

  await link.add(async (model) => {
    const { channel } = await link.confirmChannel(model)
    await channel.assertExchange(exchange, 'topic', { durable: true })
    channel.on('close', () => {
      publishing = undefined
    })
    publishing = channel
  })

  /** Resolves when the broker has it on disk. */
  function send(to: string, routingKey: string, content: Buffer, options: Options.Publish): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => reject(commonError('SERVICE_UNAVAILABLE', { cause }))
      if (!publishing) return fail(new Error('RabbitMQ is not connected'))
      try {
        publishing.publish(to, routingKey, content, { persistent: true, ...options }, (error) =>
          error ? fail(error) : resolve(),
        )
      } catch (error) {
        fail(error)
      }
    })
  }

  function publish(event: EventEnvelope): Promise<void> {
    const content = Buffer.from(JSON.stringify(event))
    return send(exchange, routingKeyOf(event), content, { messageId: event.id, type: event.type })
  }

  async function subscribe({ name, types, handler, onDeadLetter }: Subscription): Promise<Closable> {
    const queue = prefix + eventQueue(name)
    const deadQueue = prefix + deadLetterQueue(name)
    const isDeclared = types === 'all' ? () => true : (type: string) => types.includes(type)
    let consuming: LinkChannel<Channel> | undefined

    const buryContent = (content: Buffer, reason: string, messageId: string) =>
      send('', deadQueue, content, { messageId, headers: { [reasonHeader]: reason.slice(0, 1_000) } })
    const bury = async (event: EventEnvelope, reason: string) => {
      await buryContent(Buffer.from(JSON.stringify(event)), reason, event.id)
      await onDeadLetter?.(event, reason)
    }
    const runner = createEventRunner({ name, handler, bury, retryDelaysMs, log, metrics })

    /** Acked when it is done with; what is not acked comes again, in order, when the channel closes. */
    async function take(from: LinkChannel<Channel>, message: ConsumeMessage): Promise<void> {
      const event = parsed(message)
      try {
        if (!event) {
          log.error({ subscriber: name, bytes: message.content.length }, 'message is not an event')
          await buryContent(message.content, 'not an event', message.properties.messageId ?? '')
        } else if (isDeclared(event.type)) {
          const outcome = await runner.run(event, () => consuming === from)
          if (outcome === 'released') return
        } // Otherwise a binding of an earlier release brought it.
        from.channel.ack(message)
      } catch (err) {
        log.warn({ subscriber: name, err }, 'event could not be acknowledged, it will come again')
      }
    }

    const part = async (model: ChannelModel) => {
      const opened = await link.channel(model)
      const { channel } = opened
      await channel.prefetch(prefetch)
      await channel.assertExchange(exchange, 'topic', { durable: true })
      await channel.assertQueue(deadQueue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
      await channel.assertQueue(queue, {
        durable: true,
        deadLetterExchange: '',
        deadLetterRoutingKey: deadQueue,
        arguments: {
          'x-queue-type': 'quorum',
          // One replica at a time, or two events of a resource could be handled side by side.
          'x-single-active-consumer': true,
          'x-delivery-limit': deliveryLimit,
        },
      })
      const keys = types === 'all' ? ['#'] : types.map(bindingKeyOf)
      for (const key of keys) await channel.bindQueue(queue, exchange, key)
      channel.on('close', () => {
        if (consuming === opened) consuming = undefined
      })
      consuming = opened
      await channel.consume(queue, (message) => {
        if (message) void take(opened, message)
        else void channel.close().catch(() => undefined)
      })
    }
    await link.add(part)

    return {
      async close({ drainMs = defaultDrainMs } = {}) {
        link.remove(part)
        // Still the active consumer while it drains: nobody may handle later events beside its last ones.
        await runner.stop(drainMs)
        await consuming?.close()
      },
    }
  }

  return { publish, subscribe }
}

function parsed(message: ConsumeMessage): EventEnvelope | undefined {
  try {
    return EventEnvelope.safeParse(JSON.parse(message.content.toString())).data
  } catch {
    return undefined
  }
}
