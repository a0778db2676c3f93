import { Proxy as Forwarder, XPublisher, XSubscriber } from 'zeromq'
import { highWaterMark } from './live-feed.ts'
import type { Closable } from './transport.ts'

interface HubOptions {
  host: string
  /** For subscribers; publishers use the next one. */
  port: number
}

/** Starts the meeting point of all live feeds: what any of them publishes reaches all that listen. */
export async function startHub({ host, port }: HubOptions): Promise<Closable> {
  const options = { sendHighWaterMark: highWaterMark, receiveHighWaterMark: highWaterMark, linger: 0 }
  const publishers = new XSubscriber(options)
  const subscribers = new XPublisher(options)
  try {
    await subscribers.bind(`tcp://${host}:${port}`)
    await publishers.bind(`tcp://${host}:${port + 1}`)
  } catch (cause) {
    subscribers.close()
    publishers.close()
    throw new Error(`the event hub cannot listen on ${host}:${port} and ${port + 1}: ${(cause as Error).message}`, {
      cause,
    })
  }
  const forwarder = new Forwarder(publishers, subscribers)
  const ended = forwarder.run()
  return {
    async close() {
      forwarder.terminate()
      await ended
    },
  }
}
