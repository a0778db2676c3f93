import { nilId } from '@sidetone/contract'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { createEmitter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, someId } from '@sidetone/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { acme, carrier, type Routes, startRoutes } from './start.ts'

const number = '+12125550100'
const nobody = someId(404)

describe.each(await testDatabases('routes'))('on $name', ({ create }) => {
  let app: Routes
  beforeEach(async () => {
    app = await startRoutes(await create())
  })
  afterEach(() => app.close())

  const route = async (provider_id: string, given: object = {}) =>
    app.route.create({
      ...{ customer_id: nilId, name: '', detail: '', provider_id, priority: 1, target: 'all' },
      ...given,
    })

  test('a carrier is kept with its password encrypted, and announced without it', async () => {
    const made = await app.provider.create({
      ...carrier(),
      ...{ tech_headers: { 'X-Account': '7' }, codecs: 'ulaw,alaw', username: 'us', password: 'secret' },
    })
    expect(made).toMatchObject({ hostname: 'sip.carrier.example', health_status: 'unknown', health_checked_at: null })
    const renamed = await app.provider.update({ id: made.id, ...carrier(), name: 'renamed' })
    expect(renamed).toMatchObject({ name: 'renamed', username: 'us', password: 'secret', tech_headers: {} })
    expect((await app.provider.list({})).result).toMatchObject([{ id: made.id, name: 'renamed' }])
    await app.provider.delete({ id: made.id })
    await expect(app.provider.get({ id: made.id })).rejects.toMatchObject({ reason: 'PROVIDER_NOT_FOUND' })
    const events = await app.events()
    expect(events.map(({ type }) => type).filter((type) => type !== 'provider_health_changed')).toEqual([
      'provider_created',
      'provider_updated',
      'provider_deleted',
    ])
    expect(JSON.stringify(events)).not.toContain('secret')
    const [row] = await app.app.platform.store.kysely.selectFrom('route_provider').select('password').execute()
    expect(row!.password).not.toContain('secret')
  })

  test.each([
    ['tech_headers', { tech_headers: { 'X-A': 'a\r\nEvil: b' } }],
    ['tech_headers', { tech_headers: { 'X-A\r\nEvil': 'b' } }],
    ['tech_headers', { tech_headers: { 'p-asserted-identity': '<sip:+1@x>' } }],
    ['tech_headers', { tech_headers: { Via: 'x' } }],
    ['tech_headers', { tech_headers: { 'VB-Call-Id': 'x' } }],
    ['tech_prefix', { tech_prefix: '1@evil' }],
    ['tech_postfix', { tech_postfix: ';user=phone' }],
    ['hostname', { hostname: 'sip.example.com;maddr=192.0.2.1' }],
    ['hostname', { hostname: 'sip.example.com:70000' }],
    ['codecs', { codecs: 'ulaw,,alaw' }],
    ['codecs', { codecs: 'ulaw)' }],
  ])('a carrier is refused with the name of the field: %s %j', async (field, given) => {
    await expect(app.provider.create({ ...carrier(), ...given })).rejects.toMatchObject({
      status: 'INVALID_ARGUMENT',
      details: [{ field: expect.stringMatching(new RegExp(`^${field}`)) }],
    })
  })

  test.each(['10.1.2.3', '192.168.0.1:5070', '[::1]'])('%s is nobody’s carrier', async (hostname) => {
    const refused = { reason: 'HOSTNAME_REFUSED', message: expect.stringMatching(/^hostname: .*OUTBOUND_ALLOW/) }
    await expect(app.provider.create(carrier(hostname))).rejects.toMatchObject(refused)
    const { id } = await app.provider.create(carrier())
    await expect(app.provider.update({ id, ...carrier(hostname) })).rejects.toMatchObject(refused)
    expect(await app.provider.get({ id })).toMatchObject(carrier())
  })

  test('a route is of a customer that exists, to a carrier that exists', async () => {
    const { id } = await app.provider.create(carrier())
    await expect(route(nobody)).rejects.toMatchObject({ reason: 'PROVIDER_INVALID' })
    await expect(route(id, { customer_id: nobody })).rejects.toMatchObject({ reason: 'CUSTOMER_INVALID' })
    await expect(route(id, { target: '1212' })).rejects.toMatchObject({ details: [{ field: 'target' }] })
    const own = await route(id, { customer_id: acme, target: '+1212' })
    const everyones = await route(id)
    expect((await app.route.list({})).result.map((one) => one.id)).toEqual([everyones.id, own.id])
    expect((await app.route.list({ customer_id: acme })).result).toEqual([own])
    const { customer_id: _, tm_create: __, tm_update: ___, tm_delete: ____, ...fields } = own
    expect(await app.route.update({ ...fields, priority: 5 })).toMatchObject({ customer_id: acme, priority: 5 })
    await expect(app.route.update({ ...fields, provider_id: nobody })).rejects.toMatchObject({
      reason: 'PROVIDER_INVALID',
    })
    await app.route.delete({ id: own.id })
    await expect(app.route.get({ id: own.id })).rejects.toMatchObject({ reason: 'ROUTE_NOT_FOUND' })
  })

  test('a number is dialled by the customer’s own routes first, then by everyone’s, the closest first', async () => {
    const ids = []
    for (const hostname of ['a.example', 'b.example', 'c.example', 'd.example'])
      ids.push((await app.provider.create(carrier(hostname))).id)
    const [a, b, c, d] = ids as [string, string, string, string]
    await route(a)
    await route(b, { target: '+1212' })
    await route(c, { customer_id: acme })
    await route(d, { customer_id: acme, target: '+44' })
    await route(d, { customer_id: someId(2).replace(/2$/, '3'), target: 'all' }).catch(() => {})
    const dialled = async (...args: Parameters<Routes['dialroutes']>) =>
      (await app.dialroutes(...args)).map(({ hostname }) => hostname)
    expect(await dialled(number)).toEqual(['c.example', 'b.example', 'a.example'])
    expect(await dialled('+441632960000')).toEqual(['d.example', 'c.example', 'a.example'])
    expect(await dialled(number, { customer_id: someId(2) })).toEqual(['b.example', 'a.example'])
    await app.provider.delete({ id: c })
    expect(await dialled(number)).toEqual(['b.example', 'a.example'])
    expect(await dialled(number, { route_provider_ids: [d, c, a] })).toEqual(['d.example', 'a.example'])
  })

  test('what is dialled comes with all that a leg needs', async () => {
    const fields = { tech_prefix: '9', tech_headers: { 'X-A': 'b' }, codecs: 'alaw' }
    const { id } = await app.provider.create({ ...carrier(), ...fields, username: 'us', password: 'secret' })
    const { id: route_id } = await route(id)
    expect(await app.dialroutes(number)).toEqual([
      {
        ...{ ...fields, route_id, provider_id: id, provider_type: 'sip', hostname: 'sip.carrier.example' },
        ...{
          tech_postfix: '',
          endpoint: `PJSIP/carrier-${id}/sip:9${number}@sip.carrier.example`,
          health_status: expect.any(String),
        },
      },
    ])
  })

  test('the routes of a customer go with it', async () => {
    const { id } = await app.provider.create(carrier())
    await route(id, { customer_id: acme })
    const everyones = await route(id)
    const { store } = app.app.platform
    const gone = { ...(await app.app.as(customerContract, adminOf(acme)).customer.get({ id: acme })), detail: 'gone' }
    await store.transaction((tx) => createEmitter(customerContract)(tx, 'customer', 'deleted', gone))
    await expect.poll(async () => (await app.route.list({})).result, { timeout: 5_000 }).toEqual([everyones])
  })

  test('a test call asks for one carrier, and what the call manager finds wrong is told', async () => {
    const { id } = await app.provider.create(carrier())
    const destinations = [{ type: 'tel' as const, target: number }]
    await expect(app.providercall.create({ provider_id: nobody, destinations })).rejects.toMatchObject({
      reason: 'PROVIDER_INVALID',
    })
    await expect(app.providercall.create({ provider_id: id, destinations })).rejects.toMatchObject({
      reason: 'DESTINATION_INVALID',
      message: 'destinations.0: cannot be called here',
    })
    expect(app.dialled).toMatchObject([{ route_provider_ids: [id], destinations, identity: { type: 'internal' } }])
    expect((await app.providercall.list({})).result).toEqual([])
  })
})
