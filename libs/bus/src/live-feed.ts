import { AsyncLocalStorage } from 'node:async_hooks'
import { type Logger, pino } from 'pino'
import type { Registry } from 'prom-client'
import { Publisher, type SocketOptions, Subscriber } from 'zeromq'
import { busMetrics } from './metrics.ts'
import { createPrefixes } from './prefixes.ts'

/** Live messages for whoever is listening now. May drop; who needs all of them compares sequence numbers and asks again. */
export interface LiveFeed {
  publish(topic: string, body: string): void
  /** Hears the topics that begin with `prefix`, from a moment after the call on. Returns how to stop it. */
  subscribe(prefix: string, onMessage: (topic: string, body: string) => void): () => void
  close(): Promise<void>
}

interface LiveFeedOptions {
  /** `tcp://host:port` of the event hub; without one, the feed stays in this process. */
  hubUrl?: string | undefined
  log?: Logger | undefined
  registry?: Registry | undefined
}

/** At the default a burst loses more than half of its messages, without a word. */
export const highWaterMark = 100_000
const maxQueued = 100_000

const shared = {
  // A hub that vanished without a FIN is noticed and dialled again.
  heartbeatInterval: 5_000,
  heartbeatTimeout: 15_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
}
const publisherOptions: SocketOptions<Publisher> = { ...shared, sendHighWaterMark: highWaterMark, linger: 500 }
const subscriberOptions: SocketOptions<Subscriber> = { ...shared, receiveHighWaterMark: highWaterMark, linger: 0 }

/** Opens the live feed: over ZeroMQ through a hub, or from hand to hand in this process. */
export const openLiveFeed = async ({ hubUrl, log = pino(), registry }: LiveFeedOptions = {}): Promise<LiveFeed> =>
  hubUrl ? feedThroughHub(hubUrl, log, registry) : feedInProcess(log)

/** Listeners run in a turn of their own, outside of what the publisher is doing, as behind a hub. */
function feedInProcess(log: Logger): LiveFeed {
  const { add, deliver } = listeners(log)
  const outside = AsyncLocalStorage.snapshot()
  let queued: [topic: string, body: string][] = []
  let closed = false

  function deliverQueued(): void {
    const batch = queued
    queued = []
    for (const [topic, body] of batch) deliver(topic, body)
  }

  return {
    publish(topic, body) {
      if (closed) return
      if (queued.length === 0) setImmediate(outside, deliverQueued)
      queued.push([topic, body])
    },
    subscribe: (prefix, onMessage) => add(prefix, onMessage).remove,
    async close() {
      deliverQueued()
      closed = true
    },
  }
}

function feedThroughHub(hubUrl: string, log: Logger, registry: Registry | undefined): LiveFeed {
  const { liveFeedDropped } = busMetrics(registry)
  const publishUrl = publishUrlOf(hubUrl)
  const publisher = new Publisher(publisherOptions)
  const subscriber = new Subscriber(subscriberOptions)
  publisher.connect(publishUrl)
  subscriber.connect(hubUrl)

  let queued: [topic: string, body: string][] = []
  let sending: Promise<void> | undefined

  // A socket takes one send at a time (it throws EBUSY otherwise), so this loop is its only writer.
  async function sendQueued(): Promise<void> {
    try {
      while (queued.length > 0) {
        const batch = queued
        queued = []
        for (const message of batch) await publisher.send(message)
      }
    } catch (err) {
      log.error({ err }, 'the live feed cannot send')
    } finally {
      sending = undefined
    }
  }

  const { add, deliver } = listeners(log)

  async function hear(): Promise<void> {
    for await (const [topic, body] of subscriber) deliver(topic!.toString(), body!.toString())
  }
  const hearing = hear()

  return {
    publish(topic, body) {
      if (publisher.closed || queued.length >= maxQueued) return liveFeedDropped.inc()
      queued.push([topic, body])
      sending ??= sendQueued()
    },
    subscribe(prefix, onMessage) {
      const { first, remove } = add(prefix, onMessage)
      if (first) subscriber.subscribe(prefix)
      return () => {
        if (remove() === 'last' && !subscriber.closed) subscriber.unsubscribe(prefix)
      }
    },
    async close() {
      await sending
      publisher.close()
      subscriber.close()
      await hearing
    },
  }
}

/** Those who listen; one that fails is logged and keeps nobody else from hearing. */
function listeners(log: Logger) {
  const { add, matching } = createPrefixes<(topic: string, body: string) => void>()
  return {
    add,
    deliver(topic: string, body: string): void {
      for (const onMessage of matching(topic)) {
        try {
          onMessage(topic, body)
        } catch (err) {
          log.error({ topic, err }, 'a listener of the live feed failed')
        }
      }
    },
  }
}

/** Publishers find the hub on the port after that of the subscribers. */
function publishUrlOf(hubUrl: string): string {
  const match = /^tcp:\/\/(.+):(\d+)$/.exec(hubUrl)
  if (!match) throw new Error(`EVENT_HUB_URL must look like tcp://host:port, not ${hubUrl}`)
  return `tcp://${match[1]}:${Number(match[2]) + 1}`
}
