import { testDatabases } from '@sidetone/store/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Routes, startRoutes } from './start.ts'
import { startTelnyx } from './telnyx-double.ts'

const patient = { timeout: 5_000 }
const undo = 'route.setup_undo'

describe.each(await testDatabases('set-up of carriers'))('on $name', ({ create }) => {
  let app: Routes
  let telnyx: Awaited<ReturnType<typeof startTelnyx>>
  beforeEach(async () => {
    telnyx = await startTelnyx('KEY123')
    app = await startRoutes(await create(), { TELNYX_URL: telnyx.url, SIP_DOMAIN: 'sip.sidetone.example' })
  })
  afterEach(async () => {
    await app.close()
    telnyx.close()
  })

  const setup = (api_key = 'KEY123') =>
    app.provider.setup({ carrier: 'telnyx', name: 'Telnyx', credentials: { api_key } })
  const undoing = () =>
    app.app.platform.store.kysely.selectFrom('jobs_job').selectAll().where('type', '=', undo).execute()

  test('what is made at the carrier is what the new provider dials with', async () => {
    const provider = await setup()
    const [profile] = telnyx.of('outbound_voice_profiles')
    const [connection] = telnyx.of('fqdn_connections')
    const [fqdn] = telnyx.of('fqdns')
    expect(connection).toMatchObject({
      user_name: provider.username,
      password: provider.password,
      outbound: { outbound_voice_profile_id: profile!.id },
    })
    expect(provider.username).toMatch(/^[a-z0-9]{4,32}$/)
    expect(fqdn).toMatchObject({ connection_id: connection!.id, fqdn: 'sip.sidetone.example', dns_record_type: 'a' })
    expect(provider).toMatchObject({
      hostname: 'sip.telnyx.com',
      metadata: { telnyx_connection_id: connection!.id, telnyx_fqdn_id: fqdn!.id },
    })
    expect(await app.provider.get({ id: provider.id })).toMatchObject({ name: 'Telnyx' })
    expect(await undoing()).toEqual([])
  })

  test.each([
    ['fqdns', 422, { reason: 'CARRIER_REFUSED', message: expect.stringContaining('fqdn is taken') }],
    ['fqdn_connections', 500, { reason: 'CARRIER_UNAVAILABLE' }],
  ] as const)('when making %s ends in %i nothing is left there', async (path, status, error) => {
    telnyx.fail(path, status)
    await expect(setup()).rejects.toMatchObject(error)
    await expect.poll(telnyx.count, patient).toBe(0)
    await expect.poll(undoing, patient).toEqual([])
    expect((await app.provider.list({})).result).toEqual([])
  })

  test('a key that the carrier does not know is told, and kept nowhere in clear', async () => {
    await expect(setup('KEY-wrong')).rejects.toMatchObject({ reason: 'CARRIER_CREDENTIALS_INVALID' })
    expect(JSON.stringify(await undoing())).not.toContain('KEY-wrong')
    await expect.poll(undoing, patient).toEqual([])
  })

  test('what a set-up made that never came back is removed when its time has come, and nothing else', async () => {
    const kept = await setup()
    telnyx.of('outbound_voice_profiles').push({ id: '1', name: 'somebody else’s' })
    telnyx.fail('fqdns', 0)
    const cutOff = expect(setup()).rejects.toMatchObject({ reason: 'CARRIER_UNAVAILABLE' })
    await expect.poll(telnyx.count, patient).toBe(7)
    const { store } = app.app.platform
    await store.kysely.updateTable('jobs_job').set({ run_at_ms: 0, due_ms: 0 }).where('type', '=', undo).execute()
    await expect.poll(telnyx.count, patient).toBe(4)
    expect(telnyx.of('fqdn_connections')).toMatchObject([{ id: kept.metadata.telnyx_connection_id }])
    telnyx.hangUp()
    await cutOff
  })
})

test('without a public name for the SIP edge there is nothing to set up', async () => {
  const [{ create }] = (await testDatabases('set-up of carriers')) as [Awaited<ReturnType<typeof testDatabases>>[0]]
  const app = await startRoutes(await create())
  const asked = app.provider.setup({ carrier: 'telnyx', name: 'Telnyx', credentials: { api_key: 'KEY123' } })
  await expect(asked).rejects.toMatchObject({ reason: 'SIP_DOMAIN_NOT_SET' })
  await app.close()
})
