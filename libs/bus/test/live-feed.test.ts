import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type LiveFeed, openLiveFeed, startHub } from '../src/index.ts'
import { silent, until } from './parts.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function open(hubUrl?: string, registry = new Registry()): Promise<LiveFeed> {
  const feed = await openLiveFeed({ hubUrl, log: silent, registry })
  closing.push(feed.close)
  return feed
}

/** A hub on two neighbouring ports, below those that the system gives to connections. */
async function startHubSomewhere() {
  for (let tries = 1; ; tries++) {
    const place = { host: '127.0.0.1', port: 20_000 + 2 * randomInt(6_000) }
    try {
      return { hub: await startHub(place), place, url: `tcp://${place.host}:${place.port}` }
    } catch (error) {
      if (tries === 20) throw error
    }
  }
}

async function openHub() {
  const started = await startHubSomewhere()
  closing.push(() => started.hub.close())
  return started
}

/** Waits until what is published here arrives there: until then, messages are for nobody. */
async function connected(from: LiveFeed, to: LiveFeed): Promise<void> {
  let heard = false
  const stop = to.subscribe('probe:', () => {
    heard = true
  })
  for (let tries = 0; !heard && tries < 500; tries++) {
    from.publish('probe:', '')
    await sleep(10)
  }
  stop()
  expect(heard).toBe(true)
}

const places = {
  'inside one process': async () => {
    const feed = await open()
    return [feed, feed] as const
  },
  'through a hub': async () => {
    const { url } = await openHub()
    return [await open(url), await open(url)] as const
  },
}

for (const [place, openPair] of Object.entries(places)) {
  describe(`the live feed ${place}`, () => {
    test('brings messages to those who listen to a prefix of their topic, in order', async () => {
      const [from, to] = await openPair()
      const heard: Record<string, string[]> = { a: [], ab: [], all: [] }
      to.subscribe('customer:a:', (topic, body) => void heard.a!.push(`${topic} ${body}`))
      to.subscribe('customer:a:call:', (topic, body) => void heard.ab!.push(`${topic} ${body}`))
      to.subscribe('', (topic, body) => void (topic === 'probe:' || heard.all!.push(`${topic} ${body}`)))
      await connected(from, to)
      from.publish('customer:a:call:1', 'ü1')
      from.publish('customer:a:tag:1', '2')
      from.publish('customer:ab:call:1', '3')
      await until(() => heard.all!.length === 3)
      expect(heard).toEqual({
        a: ['customer:a:call:1 ü1', 'customer:a:tag:1 2'],
        ab: ['customer:a:call:1 ü1'],
        all: ['customer:a:call:1 ü1', 'customer:a:tag:1 2', 'customer:ab:call:1 3'],
      })
    })

    test('goes on for those who listen to a prefix that another has left', async () => {
      const [from, to] = await openPair()
      const heard: string[] = []
      const stop = to.subscribe('x:', () => void heard.push('first'))
      const stopSecond = to.subscribe('x:', () => void heard.push('second'))
      await connected(from, to)
      stop()
      stop()
      from.publish('x:1', '')
      await until(() => heard.length === 1)
      expect(heard).toEqual(['second'])
      stopSecond()
      const last: string[] = []
      to.subscribe('y:', (topic) => void last.push(topic))
      await connected(from, to)
      from.publish('x:2', '')
      from.publish('y:1', '')
      await until(() => last.length === 1)
      expect(heard).toEqual(['second'])
    })

    test('carries a burst without a loss, and a listener that throws does not stop it', async () => {
      const [from, to] = await openPair()
      let heard = 0
      to.subscribe('burst:', () => {
        throw new Error('oops')
      })
      to.subscribe('burst:', () => {
        heard++
      })
      await connected(from, to)
      for (let n = 0; n < 20_000; n++) from.publish('burst:1', 'x'.repeat(300))
      await until(() => heard === 20_000, 10_000)
      expect(heard).toBe(20_000)
    })
  })
}

test('what does not fit into the queue is dropped and counted', async () => {
  const registry = new Registry()
  const feed = await open('tcp://127.0.0.1:1', registry)
  for (let n = 0; n < 100_005; n++) feed.publish('t', '')
  const dropped = /live_feed_dropped_total (\d+)/.exec(await registry.metrics())
  expect(Number(dropped?.[1])).toBeGreaterThan(0)
})

test('the feed finds a hub that has come back', async () => {
  const { hub, place, url } = await startHubSomewhere()
  const [from, to] = [await open(url), await open(url)]
  await connected(from, to)
  await hub.close()
  // ZeroMQ gives the ports back a moment after it has closed.
  const again = await vi.waitFor(() => startHub(place), { timeout: 5_000, interval: 5 })
  closing.push(() => again.close())
  await connected(from, to)
})

test('a hub whose port is taken, and an address that is none, are named', async () => {
  const { place } = await openHub()
  await expect(startHub(place)).rejects.toThrow(`cannot listen on 127.0.0.1:${place.port}`)
  await expect(openLiveFeed({ hubUrl: 'localhost:5557' })).rejects.toThrow(
    'EVENT_HUB_URL must look like tcp://host:port',
  )
})
