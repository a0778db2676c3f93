import { createHash } from 'node:crypto'
import { internalIdentity } from '@sidetone/contract'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { testDatabases } from '@sidetone/store/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acme, type Running, realm, rival, startRegistrar } from './start.ts'

describe.each(await testDatabases('trunks'))('on $name', ({ create }) => {
  let running: Running
  beforeAll(async () => {
    running = await startRegistrar(await create())
  })
  afterAll(() => running.close())

  let count = 0
  const fields = (auth_types: ('basic' | 'ip')[] = ['basic', 'ip']) => ({
    domain_name: `pbx-${++count}`,
    auth_types,
    username: 'pbx',
    password: 'a secret',
    allowed_ips: ['192.0.2.0/24', '198.51.100.7', '2001:db8:1::/48'],
  })
  const mine = () => running.as(acme).trunk
  const who = async (domain_name: string, by: { username: string } | { source: string }) => {
    const internal = running.app.as(registrarContract, internalIdentity()).trunk
    return (await internal.credentials({ domain_name, ...by })).credentials
  }

  test('a trunk is known by its user, whose digest can be checked', async () => {
    const { domain_name } = await mine().create(fields(['basic']))
    const found = await who(domain_name.toUpperCase(), { username: 'pbx' })
    const ha1 = (algorithm: string) => createHash(algorithm).update(`pbx:${realm}:a secret`).digest('hex')
    expect(found).toEqual({ username: 'pbx', customer_id: acme, ha1_md5: ha1('md5'), ha1_sha256: ha1('sha256') })
    expect(await who(domain_name, { username: 'other' })).toBeNull()
    expect(await who('nobody', { username: 'pbx' })).toBeNull()
    expect(await who(domain_name, { source: '192.0.2.1' })).toBeNull()
  })

  test.each([
    ['192.0.2.1', true],
    ['192.0.3.1', false],
    ['198.51.100.7', true],
    ['198.51.100.8', false],
    ['2001:db8:1::5', true],
    ['2001:db8:2::5', false],
    ['', false],
    ['not an address', false],
  ])('from the address %s: %s', async (source, expected) => {
    const { domain_name } = await mine().create(fields(['ip']))
    expect((await who(domain_name, { source })) !== null).toBe(expected)
    expect(await who(domain_name, { username: 'pbx' })).toBeNull()
  })

  test('both ways may be allowed, and what is changed counts at once', async () => {
    const { id, domain_name } = await mine().create(fields())
    expect(await who(domain_name, { source: '192.0.2.1' })).toMatchObject({ customer_id: acme })
    const { domain_name: _, ...change } = { ...fields(['ip']), allowed_ips: ['203.0.113.0/24'], name: 'moved' }
    expect(await mine().update({ id, ...change })).toMatchObject({ domain_name, name: 'moved', auth_types: ['ip'] })
    expect(await who(domain_name, { source: '192.0.2.1' })).toBeNull()
    expect(await who(domain_name, { username: 'pbx' })).toBeNull()
    expect(await who(domain_name, { source: '203.0.113.9' })).toMatchObject({ customer_id: acme })
  })

  test('a domain_name is one trunk’s, however it is written, until that is deleted', async () => {
    const first = await mine().create({ ...fields(), domain_name: 'Main.Office' })
    await expect(running.as(rival).trunk.create({ ...fields(), domain_name: 'main.office' })).rejects.toMatchObject({
      reason: 'TRUNK_ALREADY_EXISTS',
    })
    await expect(running.as(rival).trunk.get({ id: first.id })).rejects.toMatchObject({ reason: 'TRUNK_NOT_FOUND' })
    await expect(running.as(rival).trunk.delete({ id: first.id })).rejects.toMatchObject({ reason: 'TRUNK_NOT_FOUND' })
    await mine().delete({ id: first.id })
    expect(await who('main.office', { username: 'pbx' })).toBeNull()
    await running.as(rival).trunk.create({ ...fields(), domain_name: 'main.office' })
    expect(await who('Main.Office', { username: 'pbx' })).toMatchObject({ customer_id: rival })
  })

  test.each([
    ['domain_name', { domain_name: '1st' }],
    ['domain_name', { domain_name: `a${'b'.repeat(31)}` }],
    ['auth_types', { auth_types: [] }],
    ['username', { username: '' }],
    ['password', { password: '' }],
    ['password', { password: 'short' }],
    ['allowed_ips', { allowed_ips: [] }],
    ['allowed_ips.0', { allowed_ips: ['everywhere'] }],
    ['allowed_ips.0', { allowed_ips: ['0.0.0.0/0'] }],
    ['allowed_ips.0', { allowed_ips: ['2001::/16'] }],
  ])('%s: %j is refused', async (field, wrong) => {
    await expect(mine().create({ ...fields(), ...wrong } as never)).rejects.toMatchObject({
      reason: 'INVALID_ARGUMENT',
      details: [expect.objectContaining({ field })],
    })
  })

  test('the password is the customer’s to see, and neither kept nor announced in clear', async () => {
    const { id, password } = await mine().create({ ...fields(), password: 'a very quiet secret' })
    expect(password).toBe('a very quiet secret')
    const { kysely } = running.app.platform.store
    const kept = JSON.stringify([
      await kysely.selectFrom('registrar_trunk').selectAll().where('id', '=', id).execute(),
      (await running.app.events()).filter(({ resource_id }) => resource_id === id),
    ])
    expect(kept).toContain('trunk_created')
    expect(kept).not.toContain(password)
  })

  test('the trunks and extensions of a frozen customer are let in again when it has recovered', async () => {
    const frozen = crypto.randomUUID()
    const { domain_name } = await running.as(frozen).trunk.create(fields())
    await running.as(frozen).extension.create({ extension: '100', password: 'a secret' })
    const internal = running.app.as(registrarContract, internalIdentity())
    const phone = { username: '100', domain: `${frozen}.registrar.example.com` }
    const letIn = async () => [
      await who(domain_name, { username: 'pbx' }),
      await who(domain_name, { source: '192.0.2.1' }),
      (await internal.extension.credentials(phone)).credentials,
    ]
    await running.customer('frozen', frozen)
    expect(await letIn()).toEqual([null, null, null])
    expect((await running.as(frozen).extension.list({})).result).toHaveLength(1)
    await running.customer('recovered', frozen)
    expect(await letIn()).toEqual(Array(3).fill(expect.objectContaining({ customer_id: frozen })))
  })

  test('the trunks and extensions of a customer go with it, however many', async () => {
    const gone = crypto.randomUUID()
    const all = running.as(gone)
    for (let n = 0; n < 3; n++) await all.trunk.create({ ...fields(), domain_name: `gone-${n}` })
    await all.extension.create({ extension: '100', password: 'a secret' })
    await running.customer('deleted', gone)
    expect((await all.trunk.list({})).result).toEqual([])
    expect((await all.extension.list({})).result).toEqual([])
    expect(await who('gone-1', { username: 'pbx' })).toBeNull()
    await mine().create({ ...fields(), domain_name: 'gone-1' })
  })
})
