import type { Writable } from 'node:stream'
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import type { Logger } from 'pino'

/** Declares and consumes what it needs on a fresh connection. */
type Part = (model: ChannelModel) => Promise<void>

/** A connection to RabbitMQ that comes back by itself, with all its parts. */
export interface Link {
  /** Opens a part now and after every reconnect. Resolves when it is open for the first time. */
  add(part: Part): Promise<void>
  remove(part: Part): void
  /** A channel that takes the connection down with it when it breaks, so that everything is opened anew. */
  channel(model: ChannelModel): Promise<LinkChannel<Channel>>
  confirmChannel(model: ChannelModel): Promise<LinkChannel<ConfirmChannel>>
  ready(): boolean
  close(): Promise<void>
}

export interface LinkChannel<C extends Channel> {
  channel: C
  /** Closes it for good; what was not acked is redelivered. */
  close(): Promise<void>
}

interface LinkOptions {
  url: string
  name: string
  log: Logger
}

const recovery = { initialDelay: 100, maxDelay: 5_000, initialMaxRetries: 5 }
const heartbeatSeconds = '10'

/** Connects; rejects when the broker cannot be reached within a few seconds. Later losses are repaired for ever. */
export async function openLink({ url, name, log }: LinkOptions): Promise<Link> {
  const parts = new Set<Part>()
  let current: ChannelModel | undefined
  let blocked = false

  const address = new URL(url)
  if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', heartbeatSeconds)
  const connection = await connect(address.href, {
    noDelay: true,
    clientProperties: { connection_name: name },
    recovery: {
      ...recovery,
      setup: async (model: ChannelModel) => {
        writeTogether(model)
        for (const part of parts) await part(model)
        current = model
        blocked = false
      },
    },
  }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `RabbitMQ at ${address.host} is not reachable, or refuses this user or vhost (RABBITMQ_URL): ${reason}`,
      { cause },
    )
  })
  connection.on('error', (err) => log.warn({ err }, 'RabbitMQ connection failed'))
  connection.on('disconnect', (err) => {
    current = undefined
    log.warn({ err }, 'RabbitMQ connection lost')
  })
  connection.on('connect-failed', (err) => log.warn({ err }, 'RabbitMQ cannot be reached'))
  connection.on('connect', () => log.info('RabbitMQ connected again'))
  connection.on('blocked', (reason) => {
    blocked = true
    log.warn({ reason }, 'RabbitMQ takes no messages')
  })
  connection.on('unblocked', () => {
    blocked = false
  })

  function guard<C extends Channel>(model: ChannelModel, channel: C): LinkChannel<C> {
    let wanted = true
    channel.on('error', (err) => log.error({ err }, 'RabbitMQ closed a channel'))
    channel.on('close', () => {
      if (wanted) void model.close().catch(() => undefined)
    })
    return {
      channel,
      close: async () => {
        wanted = false
        await channel.close().catch(() => undefined)
      },
    }
  }

  return {
    async add(part) {
      parts.add(part)
      const model = current
      try {
        if (model) return await part(model)
      } catch (error) {
        if (model === current) {
          parts.delete(part)
          throw error
        }
      }
      await new Promise<void>((resolve) => void connection.once('connect', () => resolve()))
    },
    remove: (part) => void parts.delete(part),
    channel: async (model) => guard(model, await model.createChannel()),
    confirmChannel: async (model) => guard(model, await model.createConfirmChannel()),
    ready: () => current !== undefined && !blocked,
    async close() {
      current = undefined
      await connection.close()
    },
  }
}

/**
 * amqplib writes every frame by itself, and at the size of a request the system calls are most of the work. What it
 * writes in one turn of the event loop leaves in one call instead, such as an answer and its ack.
 */
function writeTogether(model: ChannelModel): void {
  const { stream } = model.connection as unknown as { stream?: Writable }
  if (!stream) return
  const write = stream.write.bind(stream) as (chunk: Buffer) => boolean
  let corked = false
  const uncork = () => {
    corked = false
    stream.uncork()
  }
  stream.write = (chunk: Buffer) => {
    if (!corked) {
      corked = true
      stream.cork()
      process.nextTick(uncork)
    }
    return write(chunk)
  }
}
