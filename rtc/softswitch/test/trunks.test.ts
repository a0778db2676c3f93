import { expect, test } from 'vitest'
import { ha1, type Who } from '../src/index.ts'
import { argsOf } from './ari/lab.ts'
import { offer } from './sip/raw-peer.ts'
import { CUSTOMER, lookup, OTHER_CUSTOMER } from './start-test-switch.ts'
import { openSwitchLab } from './switch-lab.ts'

const domain = 'Acme.trunk.sidetone.test'
const audio = offer('m=audio 40000 RTP/AVP 0')
const [allowed, elsewhere] = ['127.0.0.41', '127.0.0.42']

/** One trunk, which the user `pbx` may use from anywhere, and anybody from one address. */
async function withTrunk({ user, domain, trunk }: Who) {
  if (!trunk) return lookup({ user, domain })
  if (trunk.name !== 'acme' || (user === '' ? trunk.source !== allowed : user !== 'pbx')) return null
  return {
    username: user,
    customer_id: OTHER_CUSTOMER,
    ha1_md5: ha1('MD5', user, 'sidetone', 'secret'),
    ha1_sha256: ha1('SHA-256', user, 'sidetone', 'secret'),
  }
}

const lab = openSwitchLab({ trustedCidrs: ['127.0.0.1/32'], lookup: withTrunk })
const { peer } = lab
const invite = (host = domain, from = 'sip:+441234@pbx.example') => ({
  from,
  uri: `sip:+4930123456@${host}`,
  body: audio,
})

test('a call to the domain of a trunk is its customer’s when it comes from an allowed address', async () => {
  const pbx = await peer(allowed)
  pbx.send('INVITE', { ...invite(), headers: ['P-Asserted-Identity: <sip:+4499@pbx.example>'] })
  const start = await lab.ari.next('StasisStart')
  expect(argsOf(start)).toMatchObject({
    customer_id: OTHER_CUSTOMER,
    domain: domain.toLowerCase(),
    source: allowed,
    username: '',
  })
  expect(start.channel).toMatchObject({ caller: { number: '+4499' }, dialplan: { exten: '+4930123456' } })
})

test('from elsewhere it has to prove itself by the digest of the trunk', async () => {
  const pbx = await peer(elsewhere)
  expect((await pbx.ask('INVITE', invite())).status).toBe(407)
  expect((await pbx.askAs('pbx', 'wrong', 'INVITE', invite())).status).toBe(407)
  void pbx.askAs('pbx', 'secret', 'INVITE', invite()).catch(() => {})
  expect(argsOf(await lab.ari.next('StasisStart'))).toMatchObject({ customer_id: OTHER_CUSTOMER, username: 'pbx' })
})

test.each([
  ['a trunk that is not there', 'nobody.trunk.sidetone.test', allowed, 'pbx', 'secret'],
  ['a carrier that is trusted otherwise', domain, '127.0.0.1', 'nobody', 'secret'],
  ['an extension of another customer', domain, elsewhere, '1000', 'pass1000'],
])('%s is no way through', async (_, host, address, user, password) => {
  const other = await peer(address)
  expect((await other.ask('INVITE', invite(host))).status).toBe(407)
  expect((await other.askAs(user, password, 'INVITE', invite(host))).status).toBe(407)
  expect((await lab.ari.get('channels')).body).toEqual([])
})

test('the user of a trunk is no extension', async () => {
  const other = await peer(elsewhere)
  const asked = { ...invite('127.0.0.1', 'sip:pbx@127.0.0.1') }
  expect((await other.askAs('pbx', 'secret', 'INVITE', asked)).status).toBe(407)
  void other.askAs('1000', 'pass1000', 'INVITE', invite('127.0.0.1', 'sip:1000@127.0.0.1')).catch(() => {})
  expect(argsOf(await lab.ari.next('StasisStart'))).toMatchObject({ customer_id: CUSTOMER, username: '1000' })
})
