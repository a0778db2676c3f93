import { commonError, type ReplyEnvelope, RequestEnvelope } from '@sidetone/contract'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import type { Logger } from 'pino'
import type { Link, LinkChannel } from './rabbit-link.ts'
import { errorReplyOf } from './replies.ts'
import { type Closable, defaultDrainMs, type RequestHandler } from './transport.ts'
import { workInFlight } from './work-in-flight.ts'

/** Outlives every deadline and a restart of the only consumer. */
const queueExpiresMs = 60_000

interface ServeOptions {
  queue: string
  handler: RequestHandler
  prefetch: number
  log: Logger
}

/** Answers the requests of a queue. A request is acked after its answer was sent; the broker redelivers what a lost connection left. */
export async function serveQueue(link: Link, { queue, handler, prefetch, log }: ServeOptions): Promise<Closable> {
  const inFlight = workInFlight()
  let consuming: (LinkChannel<Channel> & { model: ChannelModel; consumerTag: string }) | undefined

  async function replyTo(message: ConsumeMessage): Promise<ReplyEnvelope | undefined> {
    const envelope = parsed(message)
    if (!envelope) {
      log.error({ queue, bytes: message.content.length }, 'message is not a request')
      return errorReplyOf(commonError('INVALID_ARGUMENT', { message: 'The message is not a request envelope.' }), '')
    }
    if (Date.now() >= envelope.deadline) return undefined
    try {
      const { correlationId } = message.properties
      const { redelivered } = message.fields
      return await handler(envelope, { redelivered, id: correlationId ?? envelope.request_id })
    } catch (err) {
      log.error({ queue, request_id: envelope.request_id, err }, 'request failed')
      return errorReplyOf(commonError('INTERNAL'), envelope.request_id)
    }
  }

  async function answer(channel: Channel, message: ConsumeMessage): Promise<void> {
    inFlight.begin()
    const reply = await replyTo(message)
    const { replyTo: caller, correlationId } = message.properties
    try {
      if (reply && caller) channel.publish('', caller, Buffer.from(JSON.stringify(reply)), { correlationId })
      channel.ack(message)
    } catch (err) {
      log.warn({ queue, err }, 'answer could not be sent, the request will come again')
    }
    inFlight.end()
  }

  const part = async (model: ChannelModel) => {
    const opened = await link.channel(model)
    const { channel } = opened
    await channel.prefetch(prefetch)
    const options = { durable: true, expires: queueExpiresMs, arguments: { 'x-queue-type': 'classic' } }
    await channel.assertQueue(queue, options)
    const { consumerTag } = await channel.consume(queue, (message) => {
      // Without a message: the queue was deleted under us. Everything is declared again on a new connection.
      if (message) void answer(channel, message)
      else void channel.close().catch(() => undefined)
    })
    consuming = { ...opened, model, consumerTag }
    channel.on('close', () => {
      consuming = undefined
    })
  }
  await link.add(part)

  return {
    async close({ drainMs = defaultDrainMs } = {}) {
      link.remove(part)
      await consuming?.channel.cancel(consuming.consumerTag).catch(() => undefined)
      const left = await inFlight.idle(drainMs)
      if (left > 0) log.warn({ queue, left }, 'requests were still running when the drain time was up')
      if (!consuming) return
      const { model } = consuming
      await consuming.close()
      await deleteUnused(model, queue)
    },
  }
}

/** When nobody else serves the queue it goes, so that callers hear UNAVAILABLE at once. */
async function deleteUnused(model: ChannelModel, queue: string): Promise<void> {
  try {
    const channel = await model.createChannel()
    channel.on('error', () => undefined) // Others still use it: the broker refuses by closing this channel.
    await channel.deleteQueue(queue, { ifUnused: true, ifEmpty: true })
    await channel.close()
  } catch {
    // In use, or the connection is gone and with it our part.
  }
}

function parsed(message: ConsumeMessage): RequestEnvelope | undefined {
  try {
    return RequestEnvelope.safeParse(JSON.parse(message.content.toString())).data
  } catch {
    return undefined
  }
}
