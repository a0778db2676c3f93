import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { startDnsServer } from '@sidetone/sip-locate/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { header, type SipRequest } from '../src/sip/message.ts'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { offer, openRawPeer, openStreamPeer, type RawPeer } from './sip/raw-peer.ts'
import { CUSTOMER, OTHER_CUSTOMER, startTestSwitch } from './start-test-switch.ts'

// What a user agent client has to stand: several answers, redirects, races and servers that are not there.
const audio = offer('m=audio 40000 RTP/AVP 0')
const records: Parameters<typeof startDnsServer>[0] = {}
const closing: (() => unknown)[] = []
let dns: Awaited<ReturnType<typeof startDnsServer>>
let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari

beforeAll(async () => {
  dns = await startDnsServer(records)
  server = await startTestSwitch({ sipT1Ms: 80, nameServers: [dns.server] })
  ari = await connectAri(server.access)
  const fields = [{ attribute: 'allow', value: 'ulaw' }]
  await ari.put('asterisk/config/dynamic/res_pjsip/endpoint/carrier', { body: { fields } })
})
afterAll(async () => {
  await ari.close()
  await server.close()
  dns.close()
})
afterEach(async () => {
  for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
  for (const close of closing.splice(0)) await close()
  await expect.poll(async () => (await ari.get('channels')).body, { timeout: 5_000 }).toEqual([])
  ari.events.length = 0
})

async function peer(host?: string): Promise<RawPeer> {
  const made = await openRawPeer(server.sipPort, host)
  closing.push(made.close)
  return made
}
async function phone(user: string, password = `pass${user}`, domain = '127.0.0.1'): Promise<RawPeer> {
  const made = await peer()
  const aor = `sip:${user}@${domain}`
  const options = { uri: 'sip:127.0.0.1', to: `<${aor}>`, from: aor }
  expect((await made.askAs(user, password, 'REGISTER', options)).status).toBe(200)
  closing.unshift(() => made.askAs(user, password, 'REGISTER', { ...options, headers: ['Expires: 0'] }))
  return made
}
/** Calls, and answers with the id of the channel. */
async function call(uri: string, endpoint = 'call-out'): Promise<string> {
  const channelId = randomUUID()
  const query = { endpoint: `PJSIP/${endpoint}/${uri}`, app: 'sidetone', channelId, timeout: 30 }
  expect(await ari.post('channels', { query })).toMatchObject({ status: 200 })
  return channelId
}
const extension = (user: string) => `sip:${user}@${CUSTOMER}.registrar.sidetone.test`
const at = ({ port }: { port: number }, user = '+15550109999') => `sip:${user}@127.0.0.1:${port}`
const ended = async (id: string, timeoutMs?: number) =>
  (await ari.next('ChannelDestroyed', { channel: { id } }, timeoutMs)).cause
const invites = ({ received }: RawPeer) => received.filter(({ cseq }) => cseq.method === 'INVITE')
const cseqOf = (request: SipRequest) => request.cseq.number

describe('phones of one extension', () => {
  test('ring together; who answers first has the call, and the other one is told why it rings no more', async () => {
    const [desk, mobile] = [await phone('1000'), await phone('1000')]
    const id = await call(extension('1000'))
    const [one, two] = [await desk.nextRequest('INVITE'), await mobile.nextRequest('INVITE')]
    expect([one.callId, cseqOf(one)]).toEqual([two.callId, cseqOf(two)])
    desk.reply(one, 180, { toTag: 'desk' })
    mobile.reply(two, 180, { toTag: 'mobile' })
    mobile.reply(two, 200, { toTag: 'mobile', body: audio })
    await mobile.nextRequest('ACK')
    const cancel = await desk.nextRequest('CANCEL')
    expect(header(cancel, 'reason')).toContain('cause=200')
    desk.reply(cancel, 200)
    desk.reply(one, 487, { toTag: 'desk' })
    await desk.nextRequest('ACK')
    await ari.next('StasisStart', { channel: { id } })
    expect(ari.events.filter(({ type }) => type === 'StasisStart')).toHaveLength(1)
    expect((await ari.get(`channels/${id}`)).body.state).toBe('Up')
    await ari.delete(`channels/${id}`)
    await mobile.nextRequest('BYE')
  })

  test('a busy one does not end the ringing of the other', async () => {
    const [desk, mobile] = [await phone('1001'), await phone('1001')]
    const id = await call(extension('1001'))
    desk.reply(await desk.nextRequest('INVITE'), 486)
    await desk.nextRequest('ACK')
    mobile.reply(await mobile.nextRequest('INVITE'), 200, { body: audio })
    await ari.next('StasisStart', { channel: { id } })
  })

  test('when none of them answers, the caller hears what says most', async () => {
    const [desk, mobile] = [await phone('1002'), await phone('1002')]
    const id = await call(extension('1002'))
    desk.reply(await desk.nextRequest('INVITE'), 486)
    mobile.reply(await mobile.nextRequest('INVITE'), 480)
    expect(await ended(id)).toBe(17)
  })

  test('a decline speaks for all', async () => {
    const [desk, mobile] = [await phone('1003'), await phone('1003')]
    const id = await call(extension('1003'))
    const ringing = await mobile.nextRequest('INVITE')
    mobile.reply(ringing, 180)
    await ari.next('ChannelStateChange', { channel: { id, state: 'Ringing' } })
    desk.reply(await desk.nextRequest('INVITE'), 603)
    expect(await ended(id)).toBe(21)
    await mobile.nextRequest('CANCEL')
  })

  test('of two that answer at once one is thanked and hung up', async () => {
    const [desk, mobile] = [await phone('1004'), await phone('1004')]
    const id = await call(extension('1004'))
    const [one, two] = [await desk.nextRequest('INVITE'), await mobile.nextRequest('INVITE')]
    desk.reply(one, 200, { body: audio, toTag: 'desk' })
    mobile.reply(two, 200, { body: audio, toTag: 'mobile' })
    await Promise.all([desk.nextRequest('ACK'), mobile.nextRequest('ACK')])
    const bye = await Promise.race([desk, mobile].map((either) => either.nextRequest('BYE')))
    expect(header(bye, 'reason')).toContain('cause=200')
    expect((await ari.get(`channels/${id}`)).body.state).toBe('Up')
  })
})

describe('a proxy that forks', () => {
  test('its early dialogs are told apart, and a late answer of another one is ended', async () => {
    const proxy = await peer()
    const id = await call(at(proxy))
    const invite = await proxy.nextRequest('INVITE')
    proxy.reply(invite, 183, { toTag: 'a', body: audio })
    proxy.reply(invite, 180, { toTag: 'b' })
    proxy.reply(invite, 200, { toTag: 'b', body: audio })
    expect((await proxy.nextRequest('ACK')).to.params.get('tag')).toBe('b')
    await ari.next('StasisStart', { channel: { id } })
    proxy.reply(invite, 200, { toTag: 'a', body: audio })
    expect((await proxy.nextRequest('ACK')).to.params.get('tag')).toBe('a')
    expect((await proxy.nextRequest('BYE')).to.params.get('tag')).toBe('a')
    expect((await ari.get(`channels/${id}`)).body.state).toBe('Up')
  })

  test('an answer without SDP means what its dialog said before', async () => {
    const proxy = await peer()
    const id = await call(at(proxy))
    const invite = await proxy.nextRequest('INVITE')
    proxy.reply(invite, 183, { toTag: 'a', body: audio })
    proxy.reply(invite, 200, { toTag: 'a' })
    await ari.next('StasisStart', { channel: { id } })
  })
})

describe('giving up', () => {
  test('is told only once the far side has said something', async () => {
    const far = await peer()
    const id = await call(at(far))
    const invite = await far.nextRequest('INVITE')
    await ari.delete(`channels/${id}`)
    await ended(id)
    // It is sent again, since nobody said anything; but no CANCEL (RFC 3261 §9.1).
    await far.next(({ cseq }) => cseq.method === 'INVITE')
    expect(far.received.map(({ cseq }) => cseq.method)).not.toContain('CANCEL')
    far.reply(invite, 100)
    const cancel = await far.nextRequest('CANCEL')
    expect(cancel.via.params.get('branch')).toBe(invite.via.params.get('branch'))
    far.reply(cancel, 200)
    far.reply(invite, 487)
    await far.nextRequest('ACK')
  })

  test('an answer that crosses the CANCEL is acknowledged and ended', async () => {
    const far = await peer()
    const id = await call(at(far))
    const invite = await far.nextRequest('INVITE')
    far.reply(invite, 180)
    await ari.next('ChannelStateChange', { channel: { id, state: 'Ringing' } })
    await ari.delete(`channels/${id}`)
    const cancel = await far.nextRequest('CANCEL')
    far.reply(invite, 200, { body: audio })
    far.reply(cancel, 200)
    await far.nextRequest('ACK')
    far.reply(await far.nextRequest('BYE'), 200)
    expect(ari.events.some(({ type }) => type === 'StasisStart')).toBe(false)
  })

  test('a far side that answers neither INVITE nor CANCEL is forgotten', async () => {
    const far = await peer()
    const id = await call(at(far))
    far.reply(await far.nextRequest('INVITE'), 180)
    await ari.next('ChannelStateChange', { channel: { id, state: 'Ringing' } })
    await ari.delete(`channels/${id}`)
    await expect.poll(async () => (await server.metrics()).sip_transactions_active, { timeout: 8_000 }).toBe(0)
  })
})

describe('a redirect', () => {
  const moved = (uri: string) => ({ headers: [`Contact: <${uri}>`] })

  test('to another name at the same server is followed, as a new request of the same call', async () => {
    const [far, same] = [await peer(), await peer()]
    const id = await call(at(far, 'sales'))
    const first = await far.nextRequest('INVITE')
    far.reply(first, 302, moved(at(same, 'night')))
    await far.nextRequest('ACK')
    const second = await same.nextRequest('INVITE')
    expect(second).toMatchObject({ uri: at(same, 'night'), callId: first.callId })
    expect(cseqOf(second)).toBeGreaterThan(cseqOf(first))
    same.reply(second, 200, { body: audio })
    await ari.next('StasisStart', { channel: { id } })
  })

  test('to another server is not, if nobody has checked that', async () => {
    const [far, other] = [await peer(), await peer('127.0.0.2')]
    const id = await call(at(far))
    far.reply(await far.nextRequest('INVITE'), 302, moved(`sip:+15550109999@127.0.0.2:${other.port}`))
    expect(await ended(id)).toBe(23)
    expect(invites(other)).toEqual([])
  })

  test('that leads in a circle, or on for ever, ends', async () => {
    const far = await peer()
    const circle = await call(at(far, 'a'))
    far.reply(await far.nextRequest('INVITE'), 302, moved(at(far, 'b')))
    far.reply(await far.nextRequest('INVITE'), 302, moved(at(far, 'a')))
    expect(await ended(circle)).toBe(23)

    const [id, seen] = [await call(at(far, '0')), [] as string[]]
    const gone = ended(id, 8_000)
    for (let hop = 1; hop <= 6; hop++) {
      const invite = await far.nextRequest('INVITE')
      seen.push(invite.uri)
      far.reply(invite, 302, moved(at(far, String(hop))))
    }
    expect(await gone).toBe(23)
    expect(new Set(seen).size).toBe(6)
  })

  test('names several: they are tried as their q says', async () => {
    const far = await peer()
    const id = await call(at(far))
    far.reply(await far.nextRequest('INVITE'), 300, {
      headers: [`Contact: <${at(far, 'second')}>;q=0.3, <${at(far, 'first')}>;q=0.9`],
    })
    const first = await far.nextRequest('INVITE')
    expect(first.uri).toBe(at(far, 'first'))
    far.reply(first, 404)
    const second = await far.nextRequest('INVITE')
    expect(second.uri).toBe(at(far, 'second'))
    far.reply(second, 200, { body: audio })
    await ari.next('StasisStart', { channel: { id } })
  })

  test('of a carrier leads to any server for the same number, and to no other number', async () => {
    const [far, other] = [await peer(), await peer('127.0.0.2')]
    const moveTo = (user: string) => moved(`sip:${user}@127.0.0.2:${other.port}`)
    const id = await call(at(far), 'carrier')
    far.reply(await far.nextRequest('INVITE'), 302, moveTo('+15550109999;rn=+15550100'))
    other.reply(await other.nextRequest('INVITE'), 200, { body: audio })
    await ari.next('StasisStart', { channel: { id } })

    const dear = await call(at(far), 'carrier')
    far.reply(await far.nextRequest('INVITE'), 302, moveTo('+8810000000'))
    expect(await ended(dear)).toBe(23)
    expect(invites(other)).toEqual([])
  })

  test('of a phone leads to another phone of its customer, and to nothing that costs', async () => {
    const [away, here] = [await phone('1005'), await phone('1006')]
    const stranger = await phone('1006', 'other1006', `${OTHER_CUSTOMER}.registrar.sidetone.test`)
    const forwarded = async (contact: string) => {
      const id = await call(extension('1005'))
      away.reply(await away.nextRequest('INVITE'), 302, moved(contact))
      return id
    }
    for (const contact of ['sip:1006@127.0.0.1', extension('1006')]) {
      const id = await forwarded(contact)
      here.reply(await here.nextRequest('INVITE'), 200, { body: audio })
      await ari.next('StasisStart', { channel: { id } })
    }
    const outside = await peer()
    const elsewhere = [`sip:1006@${OTHER_CUSTOMER}.registrar.sidetone.test`, at(outside), 'tel:+15550109999']
    for (const contact of elsewhere) expect(await ended(await forwarded(contact))).toBe(23)
    expect([...invites(stranger), ...invites(outside)]).toEqual([])
  })
})

describe('the servers of a carrier', () => {
  const know = (name: string, entry: (typeof records)[string]) => {
    records[name] = entry
  }
  async function tcpCarrier() {
    const peers: RawPeer[] = []
    const listening = createServer((socket) => peers.push(openStreamPeer(socket, server.sipPort, 'TCP', port)))
    listening.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const { port } = listening.address() as AddressInfo
    closing.push(() => {
      for (const one of peers) one.close()
      listening.close()
    })
    return { port, peers }
  }

  test('are found by SRV, and one that is overloaded is passed over', async () => {
    const [first, second] = [await peer(), await peer()]
    const SRV = [first, second].map(({ port }, index): [number, number, number, string] => [
      index,
      1,
      port,
      'localhost',
    ])
    know('_sip._udp.overloaded.test', { SRV })
    const id = await call('sip:+1555@overloaded.test')
    const refused = await first.nextRequest('INVITE')
    first.reply(refused, 503)
    const invite = await second.nextRequest('INVITE')
    expect(invite).toMatchObject({ callId: refused.callId, cseq: refused.cseq })
    expect(invite.via.params.get('branch')).not.toBe(refused.via.params.get('branch'))
    second.reply(invite, 200, { body: audio })
    await ari.next('StasisStart', { channel: { id } })
  })

  test('are chosen by NAPTR: here TCP, the first of which refuses the connection', async () => {
    const carrier = await tcpCarrier()
    know('naptr.test', { NAPTR: [[1, 1, 's', 'SIP+D2T', '_sip._tcp.naptr.test']] })
    know('_sip._tcp.naptr.test', {
      SRV: [
        [1, 1, 1, 'localhost'],
        [2, 1, carrier.port, 'localhost'],
      ],
    })
    const id = await call('sip:+1555@naptr.test')
    await expect.poll(() => carrier.peers.length).toBe(1)
    const [far] = carrier.peers
    const invite = await far!.nextRequest('INVITE')
    expect(invite.via.transport).toBe('TCP')
    far!.reply(invite, 200, { body: audio })
    await ari.next('StasisStart', { channel: { id } })
  })

  test('one that says nothing is passed over after four seconds; should it wake up, it is told that nobody waits', async () => {
    const [silent, second] = [await peer(), await peer()]
    know('_sip._udp.silent.test', {
      SRV: [
        [1, 1, silent.port, 'localhost'],
        [2, 1, second.port, 'localhost'],
      ],
    })
    // Timer B, the end of waiting for an answer, comes later.
    const id = await call('sip:+1555@silent.test')
    const asleep = await silent.nextRequest('INVITE')
    const invite = await second.nextRequest('INVITE', 6_000)
    silent.reply(asleep, 180)
    silent.reply(await silent.nextRequest('CANCEL'), 200)
    silent.reply(asleep, 487)
    second.reply(invite, 200, { body: audio })
    await ari.next('StasisStart', { channel: { id } })
  })

  test('what one of them says of the number is not asked of the next', async () => {
    const [first, second] = [await peer(), await peer()]
    const SRV = [first, second].map(({ port }, index): [number, number, number, string] => [
      index,
      1,
      port,
      'localhost',
    ])
    know('_sip._udp.busy.test', { SRV })
    const id = await call('sip:+1555@busy.test')
    first.reply(await first.nextRequest('INVITE'), 486)
    expect(await ended(id)).toBe(17)
    expect(invites(second)).toEqual([])
  })
})
