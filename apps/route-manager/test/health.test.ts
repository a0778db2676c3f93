import { testDatabases } from '@sidetone/store/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startSipPeer } from './sip-peer.ts'
import { carrier, type Routes, startRoutes } from './start.ts'

const patient = { timeout: 5_000 }

describe.each(await testDatabases('health of carriers'))('on $name', ({ create }) => {
  let app: Routes
  let peer: Awaited<ReturnType<typeof startSipPeer>>
  beforeEach(async () => {
    app = await startRoutes(await create())
    peer = await startSipPeer()
  })
  afterEach(async () => {
    peer.close()
    await app.close()
  })

  const status = async (id: string) => (await app.provider.get({ id })).health_status
  const changes = async () =>
    (await app.events())
      .filter(({ type }) => type === 'provider_health_changed')
      .map(({ data }) => (data as { health_status: string }).health_status)
  const jobs = () =>
    app.app.platform.store.kysely.selectFrom('jobs_job').selectAll().where('type', '=', 'route.probe').execute()

  test('a new carrier is asked at once and then again and again by one job, and is not changed by it', async () => {
    const { id } = await app.provider.create(carrier(peer.hostname))
    await expect.poll(() => status(id), patient).toBe('healthy')
    const { health_checked_at, tm_update } = await app.provider.get({ id })
    expect(health_checked_at).toMatch(/Z$/)
    expect(tm_update).toBeNull()
    // The one that has just run is there until its outcome is kept.
    await expect.poll(async () => (await jobs()).length, patient).toBe(1)
    const [next] = await jobs()
    const inMs = Number(next!.run_at_ms) - Date.parse(health_checked_at!)
    expect(inMs).toBeGreaterThan(24_000)
    expect(inMs).toBeLessThan(36_000)
  })

  test.each([408, 503])(
    'a carrier that answers %i is not there; an event says so, and when it is back',
    async (code) => {
      const { id } = await app.provider.create(carrier(peer.hostname))
      await expect.poll(() => status(id), patient).toBe('healthy')
      peer.answerWith(code)
      await app.provider.update({ id, ...carrier(peer.hostname) })
      await expect.poll(() => status(id), patient).toBe('unhealthy')
      peer.answerWith(404)
      await app.provider.update({ id, ...carrier(peer.hostname) })
      await expect.poll(() => status(id), patient).toBe('healthy')
      await app.provider.update({ id, ...carrier(peer.hostname) })
      await expect.poll(() => peer.requests.length, patient).toBe(4)
      expect(await changes()).toEqual(['healthy', 'unhealthy', 'healthy'])
      await expect.poll(async () => (await jobs()).length, patient).toBe(1)
    },
  )

  test('a carrier without an address, or where nobody listens, is unhealthy', async () => {
    const silent = await startSipPeer()
    silent.close()
    for (const hostname of ['no-such-host.invalid', silent.hostname]) {
      const { id } = await app.provider.create(carrier(hostname))
      await expect.poll(() => status(id), patient).toBe('unhealthy')
    }
  })

  test('one that moves is unknown until it was asked again', async () => {
    const { id } = await app.provider.create(carrier(peer.hostname))
    await expect.poll(() => status(id), patient).toBe('healthy')
    peer.answerWith(0)
    const moved = await app.provider.update({ id, ...carrier(`127.0.0.1:${peer.port}`.replace('0.0.1', '0.0.2')) })
    expect(moved).toMatchObject({ health_status: 'unknown', health_checked_at: null })
  })

  test('nobody asks a carrier that was removed', async () => {
    const { id } = await app.provider.create(carrier(peer.hostname))
    await expect.poll(() => status(id), patient).toBe('healthy')
    await app.provider.delete({ id })
    const { store } = app.app.platform
    await store.kysely
      .updateTable('jobs_job')
      .set({ run_at_ms: 0, due_ms: 0 })
      .where('type', '=', 'route.probe')
      .execute()
    await expect.poll(jobs, patient).toEqual([])
    expect(peer.requests).toHaveLength(1)
  })
})
