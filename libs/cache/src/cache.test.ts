import { randomUUID } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { findService } from '@sidetone/testing/services'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cache, LockBusy, openCache } from './index.ts'

const url = await findService('REDIS_URL', 'the cache on Redis')

const unexpected = (error: Error) => {
  throw error
}
const gate = () => Promise.withResolvers<void>()

describe.each([{ adapter: 'memory', target: undefined }, ...(url ? [{ adapter: 'Redis', target: url }] : [])])(
  'a cache in $adapter',
  ({ target }) => {
    const prefix = `test-${randomUUID()}:`
    let cache: Cache
    beforeAll(async () => {
      cache = openCache(target, { prefix, onError: unexpected })
      await cache.ping()
    })
    afterAll(async () => {
      await cache.close()
      if (target) await removeKeys(target, prefix)
    })

    test('a value comes back as a copy, until it is deleted', async () => {
      const value = { name: 'é', list: [1, null] }
      await cache.set('copy', value, { ttlSeconds: 60 })
      const read = await cache.get<typeof value>('copy')
      expect(read).toEqual(value)
      read?.list.push(2)
      expect(await cache.get('copy')).toEqual(value)
      await cache.delete('copy')
      expect(await cache.get('copy')).toBeUndefined()
    })

    test('a value is gone after its time', async () => {
      await cache.set('brief', 1, { ttlSeconds: 0.5 })
      expect(await cache.get('brief')).toBe(1)
      await sleep(550)
      expect(await cache.get('brief')).toBeUndefined()
    })

    test('undefined, and a time to live that is none, are refused with the key in the message', async () => {
      await expect(cache.set('odd', undefined, { ttlSeconds: 1 })).rejects.toThrow(/'odd': undefined cannot be cached/)
      for (const ttlSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expect(cache.set('odd', 1, { ttlSeconds })).rejects.toThrow(/'odd': ttlSeconds must be above 0/)
      }
    })

    test('many readers of a missing key cause one load, and each gets its own copy', async () => {
      let loads = 0
      const load = async () => ({ loads: ++loads })
      const read = () => cache.getOrLoad('flight', { ttlSeconds: 60 }, load)
      const all = await Promise.all(Array.from({ length: 50 }, read))
      expect(all.every((value) => value.loads === 1)).toBe(true)
      expect(new Set(all).size).toBe(50)
      expect(await read()).toEqual({ loads: 1 })
      expect(loads).toBe(1)
    })

    test('a failed load reaches its caller and is not remembered', async () => {
      await expect(
        cache.getOrLoad('fail', { ttlSeconds: 60 }, async () => unexpected(new Error('no row'))),
      ).rejects.toThrow('no row')
      expect(await cache.getOrLoad('fail', { ttlSeconds: 60 }, async () => 'row')).toBe('row')
    })

    test('a row that does not exist is cached as null, and undefined is not cached', async () => {
      expect(await cache.getOrLoad('null', { ttlSeconds: 60 }, async () => null)).toBeNull()
      expect(await cache.getOrLoad('null', { ttlSeconds: 60 }, async () => 'never')).toBeNull()
      expect(await cache.getOrLoad('void', { ttlSeconds: 60 }, async () => undefined)).toBeUndefined()
      expect(await cache.getOrLoad('void', { ttlSeconds: 60 }, async () => 'loaded')).toBe('loaded')
    })

    test('what was loaded before a delete is neither kept nor given to a later reader', async () => {
      const [started, proceed] = [gate(), gate()]
      const early = cache.getOrLoad('stale', { ttlSeconds: 60 }, async () => {
        started.resolve()
        await proceed.promise
        return 'old'
      })
      await started.promise
      await cache.delete('stale')
      expect(await cache.getOrLoad('stale', { ttlSeconds: 60 }, async () => 'new')).toBe('new')
      proceed.resolve()
      expect(await early).toBe('old')
      expect(await cache.get('stale')).toBe('new')
    })

    test('a load does not overwrite a value set meanwhile', async () => {
      const [started, proceed] = [gate(), gate()]
      const early = cache.getOrLoad('overtaken', { ttlSeconds: 60 }, async () => {
        started.resolve()
        await proceed.promise
        return 'old'
      })
      await started.promise
      await cache.set('overtaken', 'new', { ttlSeconds: 60 })
      proceed.resolve()
      await early
      expect(await cache.get('overtaken')).toBe('new')
    })

    test('a lock has one owner, and later owners have higher fencing tokens', async () => {
      const first = await cache.lock('one', { ttlMs: 5000 })
      expect(first).toBeDefined()
      expect(await cache.lock('one', { ttlMs: 5000 })).toBeUndefined()
      expect(await cache.lock('other', { ttlMs: 5000 })).toBeDefined()
      expect(await first!.release()).toBe(true)
      const second = await cache.lock('one', { ttlMs: 5000 })
      expect(second!.token).toBeGreaterThan(first!.token)
      expect(Number.isSafeInteger(second!.token)).toBe(true)
    })

    test('a lock that ran out can be neither renewed nor released by its old owner', async () => {
      const first = await cache.lock('lapsed', { ttlMs: 30 })
      await sleep(60)
      const second = await cache.lock('lapsed', { ttlMs: 5000 })
      expect(second).toBeDefined()
      expect(await first!.renew()).toBe(false)
      expect(await first!.release()).toBe(false)
      expect(await cache.lock('lapsed', { ttlMs: 5000 })).toBeUndefined()
    })

    test('a renewed lock outlives its first time', async () => {
      const lock = await cache.lock('renewed', { ttlMs: 1_500 })
      await sleep(900)
      expect(await lock!.renew()).toBe(true)
      await sleep(900)
      expect(await cache.lock('renewed', { ttlMs: 1_500 })).toBeUndefined()
    })

    test('one who waits gets the lock when it is released', async () => {
      const first = await cache.lock('wait', { ttlMs: 5000 })
      const waiting = cache.lock('wait', { ttlMs: 5000, waitMs: 5000 })
      await sleep(30)
      await first!.release()
      expect(await waiting).toBeDefined()
    })

    test('work under one lock never overlaps, is kept locked beyond the first time, and releases when it throws', async () => {
      let inside = 0
      const work = () =>
        cache.withLock('work', { ttlMs: 600, waitMs: 5000 }, async () => {
          inside++
          expect(inside).toBe(1)
          await sleep(900)
          inside--
        })
      await Promise.all([work(), work()])
      await expect(cache.withLock('work', { ttlMs: 5000 }, async () => unexpected(new Error('inner')))).rejects.toThrow(
        'inner',
      )
      await cache.withLock('work', { ttlMs: 5000 }, async () => {
        await expect(cache.withLock('work', { ttlMs: 5000 }, async () => {})).rejects.toThrow(LockBusy)
      })
    })

    test('a rate limit lets through its points, then says when to come back', async () => {
      const consume = cache.rateLimiter({ name: 'plain', points: 3, durationSeconds: 60 })
      expect(await consume('a')).toMatchObject({ allowed: true, limit: 3, remaining: 2, retryAfterSeconds: 0 })
      expect(await consume('a', 2)).toMatchObject({ allowed: true, remaining: 0 })
      const refused = await consume('a')
      expect(refused).toMatchObject({ allowed: false, limit: 3, remaining: 0 })
      expect(refused.retryAfterSeconds).toBeGreaterThan(0)
      expect(refused.retryAfterSeconds).toBeLessThanOrEqual(60)
      expect(await consume('b')).toMatchObject({ allowed: true })
      expect(await cache.rateLimiter({ name: 'namesake', points: 3, durationSeconds: 60 })('a')).toMatchObject({
        remaining: 2,
      })
    })

    test('a burst is spent after the points, and the points come back', async () => {
      const consume = cache.rateLimiter({
        name: 'bursty',
        points: 1,
        durationSeconds: 1,
        burst: { points: 2, durationSeconds: 60 },
      })
      const four = [await consume('a'), await consume('a'), await consume('a'), await consume('a')]
      expect(four.map((outcome) => outcome.allowed)).toEqual([true, true, true, false])
      await sleep(1050)
      expect(await consume('a')).toMatchObject({ allowed: true })
    })

    test('a limit that could not be kept is refused when it is made', () => {
      for (const durationSeconds of [0, 0.5, 3_000_000]) {
        expect(() => cache.rateLimiter({ name: 'odd', points: 1, durationSeconds })).toThrow(/'odd': durationSeconds/)
      }
    })
  },
)

describe.runIf(url)('two processes on one Redis', () => {
  const prefix = `test-${randomUUID()}:`
  const open = () => openCache(url, { prefix, onError: unexpected })
  const [one, two] = url ? [open(), open()] : []
  afterAll(async () => {
    await Promise.all([one?.close(), two?.close()])
    await removeKeys(url!, prefix)
  })

  test('a delete in one voids a load that is under way in the other', async () => {
    const [started, proceed] = [gate(), gate()]
    const early = one!.getOrLoad('row', { ttlSeconds: 60 }, async () => {
      started.resolve()
      await proceed.promise
      return 'old'
    })
    await started.promise
    await two!.delete('row')
    proceed.resolve()
    await early
    expect(await one!.get('row')).toBeUndefined()
  })

  test('they share locks and limits', async () => {
    const lock = await one!.lock('shared', { ttlMs: 5000 })
    expect(await two!.lock('shared', { ttlMs: 5000 })).toBeUndefined()
    await lock!.release()
    const limits = [one!, two!].map((cache) => cache.rateLimiter({ name: 'shared', points: 1, durationSeconds: 60 }))
    expect(await limits[0]!('a')).toMatchObject({ allowed: true })
    expect(await limits[1]!('a')).toMatchObject({ allowed: false })
  })

  test('another prefix is another cache', async () => {
    const other = openCache(url, { prefix: `${prefix}other:` })
    await one!.set('mine', 1, { ttlSeconds: 60 })
    expect(await other.get('mine')).toBeUndefined()
    await other.close()
  })

  test('a lock taken away aborts the work under it', async () => {
    const redis = new Redis(url!)
    await one!.withLock('robbed', { ttlMs: 60 }, async (_lock, signal) => {
      await redis.del(`${prefix}lock:robbed`)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      expect(signal.reason.message).toMatch(/'robbed' was lost/)
    })
    redis.disconnect()
  })
})

describe('a Redis that is not there', () => {
  const dead = async (listen: boolean) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => void sockets.add(socket.on('error', () => {})))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const port = listen ? (server.address() as AddressInfo).port : 1
    const errors: Error[] = []
    const cache = openCache(`redis://127.0.0.1:${port}`, { onError: (error) => errors.push(error) })
    const close = async () => {
      await cache.close()
      for (const socket of sockets) socket.destroy()
      server.close()
    }
    return { cache, errors, close }
  }

  test.each([
    ['refuses connections', false],
    ['accepts them and never answers', true],
  ])('limits let through and loads go past it when it %s; all else fails', async (_case, listen) => {
    const { cache, errors, close } = await dead(listen)
    const consume = cache.rateLimiter({ name: 'open', points: 1, durationSeconds: 60 })
    expect(await Promise.all([consume('a'), consume('a')])).toEqual(
      Array(2).fill({ allowed: true, limit: 1, remaining: 1, resetSeconds: 0, retryAfterSeconds: 0 }),
    )
    expect(await cache.getOrLoad('a', { ttlSeconds: 1 }, async () => 'loaded')).toBe('loaded')
    expect(errors.length).toBeGreaterThan(0)
    await Promise.all([
      expect(cache.get('a')).rejects.toThrow(),
      expect(cache.delete('a')).rejects.toThrow(),
      expect(cache.lock('a', { ttlMs: 1000 })).rejects.toThrow(),
      expect(cache.ping()).rejects.toThrow(),
    ])
    await close()
  })

  test('a URL that is not of Redis is refused by the name of its setting', () => {
    expect(() => openCache('http://localhost')).toThrow(/REDIS_URL/)
  })
})

async function removeKeys(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl)
  const keys = await redis.keys(`${prefix}*`)
  if (keys.length > 0) await redis.del(keys)
  redis.disconnect()
}
