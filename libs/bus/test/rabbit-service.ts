import { randomBytes } from 'node:crypto'
import { createServer, connect as dial, type Socket } from 'node:net'
import { connect, type GetMessage } from 'amqplib'
import { deadLetterQueue, eventExchange, eventQueue, type Transport } from '../src/index.ts'

/** A corner of the broker of its own, which goes without a trace. */
export function rabbitCorner(rabbitUrl: string) {
  const prefix = `test-${randomBytes(6).toString('hex')}.`
  const queues = new Set<string>()
  const exclusively = async <T>(work: (channel: Awaited<ReturnType<typeof openChannel>>) => Promise<T>): Promise<T> => {
    const channel = await openChannel(rabbitUrl)
    try {
      return await work(channel)
    } finally {
      await channel.model.close()
    }
  }
  return {
    prefix,
    /** Notes what a transport declares. */
    watch: (transport: Transport): Transport => ({
      ...transport,
      serve: (queue, ...rest) => {
        queues.add(queue)
        return transport.serve(queue, ...rest)
      },
      subscribe: (subscription) => {
        queues.add(eventQueue(subscription.name)).add(deadLetterQueue(subscription.name))
        return transport.subscribe(subscription)
      },
    }),
    /** Takes a message out of a queue. */
    get: (queue: string): Promise<GetMessage | undefined> =>
      exclusively(async ({ channel }) => (await channel.get(prefix + queue, { noAck: true })) || undefined),
    count: (queue: string): Promise<number> =>
      exclusively(async ({ channel }) => (await channel.checkQueue(prefix + queue)).messageCount),
    put: (queue: string, content: string): Promise<void> =>
      exclusively(async ({ channel }) => {
        channel.sendToQueue(prefix + queue, Buffer.from(content))
        await channel.waitForConfirms()
      }),
    remove: (): Promise<void> =>
      exclusively(async ({ channel }) => {
        for (const queue of queues) await channel.deleteQueue(prefix + queue)
        await channel.deleteExchange(prefix + eventExchange)
      }),
  }
}

async function openChannel(rabbitUrl: string) {
  const model = await connect(rabbitUrl, { noDelay: true })
  const channel = await model.createConfirmChannel()
  channel.on('error', () => undefined) // It is also thrown by what caused it.
  return { model, channel }
}

/** A way to the broker that can be cut. */
export async function cuttableBroker(rabbitUrl: string) {
  const { hostname, port, href } = new URL(rabbitUrl)
  const sockets = new Set<Socket>()
  let passable = true
  const server = createServer((near) => {
    if (!passable) return near.destroy()
    const far = dial(Number(port || 5672), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: ownPort } = server.address() as { port: number }
  const url = new URL(href)
  url.host = `127.0.0.1:${ownPort}`
  return {
    url: url.href,
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    setPassable: (value: boolean) => {
      passable = value
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
