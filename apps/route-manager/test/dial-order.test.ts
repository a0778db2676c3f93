import { nilId } from '@sidetone/contract'
import type { Provider, Route } from '@sidetone/proto-schemas/route'
import { someId } from '@sidetone/testing'
import { expect, test } from 'vitest'
import { dialOrder, dialroute, targetsOf } from '../src/dial-order.ts'
import { unregistered } from '../src/registrations.ts'

const acme = someId(1)
const number = '+12125550100'

const provider = (name: string, given: Partial<Provider> = {}): Provider => ({
  ...{ id: name, customer_id: nilId, type: 'sip', hostname: `${name}.example`, tech_prefix: '', tech_postfix: '' },
  ...{ tech_headers: {}, metadata: {}, name, detail: '', codecs: '', username: '', password: '' },
  ...{
    health_status: 'healthy',
    health_checked_at: null,
    ...unregistered,
    tm_create: '',
    tm_update: null,
    tm_delete: null,
  },
  ...given,
})
let made = 0
const route = (provider_id: string, given: Partial<Route> = {}): Route => ({
  ...{ id: `to ${provider_id}`, customer_id: acme, name: '', detail: '', provider_id, priority: 0, target: 'all' },
  ...{ tm_create: String(made++).padStart(9, '0'), tm_update: null, tm_delete: null },
  ...given,
})
const order = (routes: Route[], providers: Provider[]) =>
  dialOrder(number, routes, providers).map(({ provider_id }) => provider_id)

test('a number falls under all, and under each beginning of it', () => {
  expect(targetsOf('+1212')).toEqual(['all', '+1', '+12', '+121', '+1212'])
})

test.each<[string, Partial<Route>, Partial<Route>]>([
  ['one of the customer, before one for everyone', { customer_id: acme }, { customer_id: nilId, target: '+1212' }],
  ['the longest target', { target: '+1212' }, { target: '+1', priority: -1 }],
  ['any target, before all', { target: '+1' }, { target: 'all' }],
  ['the smallest priority', { priority: 9 }, { priority: 10 }],
])('first comes %s', (_, first, second) => {
  const providers = [provider('a'), provider('b')]
  expect(order([route('a', first), route('b', second)], providers)).toEqual(['a', 'b'])
  expect(order([route('b', second), route('a', first)], providers)).toEqual(['a', 'b'])
})

test('of two alike the older comes first, in whichever order they are found', () => {
  const [a, b] = [route('a'), route('b')]
  const providers = [provider('a'), provider('b')]
  expect(order([a, b], providers)).toEqual(['a', 'b'])
  expect(order([b, a], providers)).toEqual(['a', 'b'])
})

test('a carrier that does not answer comes last of the customer’s own, and one that was never asked does not', () => {
  const routes = [
    route('dead', { target: '+1212' }),
    route('new', { priority: 1 }),
    route('well', { priority: 2 }),
    route('default', { customer_id: nilId }),
  ]
  const providers = [
    provider('dead', { health_status: 'unhealthy' }),
    provider('new', { health_status: 'unknown' }),
    provider('well'),
    provider('default'),
  ]
  expect(order(routes, providers)).toEqual(['new', 'well', 'dead', 'default'])
})

test('a carrier comes once, by its best route, and a route to one that is gone not at all', () => {
  const routes = [route('a'), route('a', { id: 'best', target: '+1' }), route('gone')]
  expect(dialOrder(number, routes, [provider('a')])).toMatchObject([{ provider_id: 'a', route_id: 'best' }])
})

test('what is dialled has the affixes, and what a SIP URI cannot hold escaped', () => {
  const carrier = provider('a', { hostname: 'sip.a.example:5080', tech_prefix: '12#', tech_postfix: '*9' })
  expect(dialroute(number, carrier, 'r').endpoint).toBe('PJSIP/call-out/sip:12%23+12125550100*9@sip.a.example:5080')
})

test.each([{ username: 'us' }, { codecs: 'alaw' }])('a carrier with %j has an endpoint of its own', (given) => {
  const { endpoint } = dialroute(number, provider('a', given), 'r')
  expect(endpoint).toBe('PJSIP/carrier-a/sip:+12125550100@a.example')
})
