import { randomBytes } from 'node:crypto'
import { commonError, type ReplyEnvelope } from '@sidetone/contract'
import type { Channel, ConsumeMessage, Message } from 'amqplib'
import type { Link } from './rabbit-link.ts'
import type { Transport } from './transport.ts'

interface Pending {
  resolve: (reply: ReplyEnvelope) => void
  reject: (error: unknown) => void
  timer: NodeJS.Timeout
}

/** Sends requests and matches the replies, over direct reply-to. */
export async function openCalls(link: Link): Promise<Transport['request']> {
  const pending = new Map<string, Pending>()
  // Unique among all callers: the server remembers requests by it.
  const caller = randomBytes(9).toString('base64url')
  let count = 0
  let channel: Channel | undefined

  function take(id: string): Pending | undefined {
    const call = pending.get(id)
    if (!call) return undefined
    pending.delete(id)
    clearTimeout(call.timer)
    return call
  }

  const expire = (id: string) => take(id)?.reject(commonError('DEADLINE_EXCEEDED'))
  const onReturn = ({ properties }: Message) =>
    take(properties.correlationId)?.reject(commonError('SERVICE_UNAVAILABLE'))

  function onReply(message: ConsumeMessage | null): void {
    const call = message && take(message.properties.correlationId)
    if (!call) return // It came after the deadline.
    try {
      call.resolve(JSON.parse(message.content.toString()) as ReplyEnvelope)
    } catch (cause) {
      call.reject(commonError('INTERNAL', { cause }))
    }
  }

  await link.add(async (model) => {
    const opened = (await link.channel(model)).channel
    opened.on('return', onReturn)
    opened.on('close', () => {
      channel = undefined
      for (const id of pending.keys()) take(id)?.reject(commonError('SERVICE_UNAVAILABLE'))
    })
    await opened.consume('amq.rabbitmq.reply-to', onReply, { noAck: true })
    channel = opened
  })

  return (queue, envelope) => {
    if (!channel || !link.ready()) return Promise.reject(commonError('SERVICE_UNAVAILABLE'))
    const remainingMs = envelope.deadline - Date.now()
    if (remainingMs <= 0) return Promise.reject(commonError('DEADLINE_EXCEEDED'))
    const content = Buffer.from(JSON.stringify(envelope))
    const correlationId = caller + (count++).toString(36)
    const replied = new Promise<ReplyEnvelope>((resolve, reject) => {
      pending.set(correlationId, { resolve, reject, timer: setTimeout(expire, remainingMs, correlationId) })
    })
    // Registered before it is sent: a reply may be faster than anything that follows.
    try {
      channel.publish('', queue, content, {
        replyTo: 'amq.rabbitmq.reply-to',
        correlationId,
        mandatory: true,
        expiration: Math.ceil(remainingMs),
      })
    } catch (cause) {
      take(correlationId)?.reject(commonError('SERVICE_UNAVAILABLE', { cause }))
    }
    return replied
  }
}
