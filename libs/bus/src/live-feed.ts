import { randomUUID } from 'node:crypto'
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
  /** `tcp://host:port` of the event hub; without one, the feed stays in this object. */
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

/** Opens the live feed, over ZeroMQ. */
export async function openLiveFeed({ hubUrl, log = pino(), registry }: LiveFeedOptions = {}): Promise<LiveFeed> {
  const { liveFeedDropped } = busMetrics(registry)
  const publishUrl = hubUrl && publishUrlOf(hubUrl)
  const publisher = new Publisher(publisherOptions)
  const subscriber = new Subscriber(subscriberOptions)
  if (hubUrl && publishUrl) {
    publisher.connect(publishUrl)
    subscriber.connect(hubUrl)
  } else {
    const ownUrl = `inproc://live-feed-${randomUUID()}`
    await publisher.bind(ownUrl)
    subscriber.connect(ownUrl)
  }

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

  const prefixes = createPrefixes<(topic: string, body: string) => void>()

  async function hear(): Promise<void> {
    for await (const [topic, body] of subscriber) {
      const name = topic!.toString()
      const text = body!.toString()
      for (const onMessage of prefixes.matching(name)) {
        try {
          onMessage(name, text)
        } catch (err) {
          log.error({ topic: name, err }, 'a listener of the live feed failed')
        }
      }
    }
  }
  const hearing = hear()

  return {
    publish(topic, body) {
      if (publisher.closed || queued.length >= maxQueued) return liveFeedDropped.inc()
      queued.push([topic, body])
      sending ??= sendQueued()
    },
    subscribe(prefix, onMessage) {
      const { first, remove } = prefixes.add(prefix, onMessage)
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

/** Publishers find the hub on the port after that of the subscribers. */
function publishUrlOf(hubUrl: string): string {
  const match = /^tcp:\/\/(.+):(\d+)$/.exec(hubUrl)
  if (!match) throw new Error(`EVENT_HUB_URL must look like tcp://host:port, not ${hubUrl}`)
  return `tcp://${match[1]}:${Number(match[2]) + 1}`
}
