import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { header } from '../../src/sip/message.ts'
import { isLetIn, startCarrier } from './carrier.ts'
import type { Lab } from './lab.ts'

const login = { username: 'sidetone', password: 'secret' }
const digest = 'Digest realm="carrier", nonce="47ebe028cda119c3"'

export function carriers(lab: () => Lab) {
  const closing: (() => unknown)[] = []
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })

  const carrier = async (decide: Parameters<typeof startCarrier>[0] = () => undefined) => {
    const started = await startCarrier(decide)
    closing.push(started.close)
    return started
  }
  const object = (type: string, id: string) => `asterisk/config/dynamic/res_pjsip/${type}/${id}`
  const push = (type: string, id: string, values: Record<string, string>) =>
    lab().ari.put(object(type, id), {
      body: { fields: Object.entries(values).map(([attribute, value]) => ({ attribute, value })) },
    })
  /** An endpoint of its own for a carrier, as the proxy makes it. */
  const endpoint = async (given: Record<string, string> = {}, password = login.password) => {
    const id = `carrier-${randomUUID()}`
    const auth = { auth_type: 'digest', username: login.username, password, supported_algorithms_uac: 'MD5,SHA-256' }
    expect(await push('auth', id, auth)).toMatchObject({ status: 200 })
    expect(await push('endpoint', id, { allow: '!all,ulaw,alaw', outbound_auth: id, ...given })).toMatchObject({
      status: 200,
    })
    return id
  }
  const call = async (name: string, host: string, body?: object) => {
    const channelId = randomUUID()
    const query = { endpoint: `PJSIP/${name}/sip:9+12125550100@${host}`, app: lab().ari.app, channelId }
    expect(await lab().ari.post('channels', { query, ...(body && { body }) })).toMatchObject({ status: 200 })
    return channelId
  }

  test('a pushed object is read back, replaced and deleted; what was never there is a 404', async () => {
    const { ari } = lab()
    const id = await endpoint()
    const { body } = await ari.get(object('auth', id))
    expect(body).toContainEqual({ attribute: 'username', value: login.username })
    await push('auth', id, { auth_type: 'digest', username: 'other', password: 'x' })
    expect((await ari.get(object('auth', id))).body).toContainEqual({ attribute: 'username', value: 'other' })
    expect((await ari.delete(object('auth', id))).status).toBe(204)
    const missing = { status: 404, body: { message: `Object with id '${id}' not found` } }
    expect(await ari.get(object('auth', id))).toEqual(missing)
    expect(await ari.delete(object('auth', id))).toEqual(missing)
    expect(await push('nope', id, {})).toEqual({ status: 404, body: { message: "objectType 'nope' not found" } })
    expect(await ari.put('asterisk/config/dynamic/nope/auth/x', { body: { fields: [] } })).toEqual({
      status: 404,
      body: { message: "configClass 'nope' not found" },
    })
    expect(await push('endpoint', id, { allow: '!all,nope' })).toMatchObject({ status: 400 })
  })

  test('the endpoint that there always is can be read', async () => {
    expect((await lab().ari.get(object('endpoint', 'call-out'))).status).toBe(200)
  })

  test.each([
    ['MD5', { status: 401 as const, values: [`${digest}, algorithm=MD5, qop="auth", opaque="o"`] }],
    ['SHA-256', { status: 407 as const, values: [`${digest}, algorithm=SHA-256, qop="auth"`] }],
    ['no algorithm and no qop', { status: 407 as const, values: [digest] }],
    [
      'SHA-256 or MD5',
      { status: 401 as const, values: ['SHA-256', 'MD5'].map((name) => `${digest}, algorithm=${name}, qop="auth"`) },
    ],
  ])('a carrier that asks for a digest by %s is answered', async (_, challenge) => {
    const { ari } = lab()
    const { host, of } = await carrier((request) =>
      isLetIn(request, login) ? undefined : request.method === 'BYE' ? undefined : challenge,
    )
    const id = await call(await endpoint(), host)
    await ari.next('StasisStart', { channel: { id } })
    const [first, second, ...more] = of('INVITE')
    expect(more).toEqual([])
    expect(second).toMatchObject({ callId: first!.callId, uri: `sip:9+12125550100@${host}` })
    expect(second!.cseq.number).toBeGreaterThan(first!.cseq.number)
    expect(second!.from.params.get('tag')).toBe(first!.from.params.get('tag'))
    await expect.poll(() => of('ACK').length).toBe(2)
    expect(of('ACK')[1]!.cseq.number).toBe(second!.cseq.number)
    await ari.delete(`channels/${id}`)
    await expect.poll(() => of('BYE').length).toBe(1)
    expect(of('BYE')[0]!.cseq.number).toBeGreaterThan(second!.cseq.number)
  })

  test('a wrong password ends the call', async () => {
    const { ari } = lab()
    const { host, of } = await carrier(() => ({ status: 401, values: [`${digest}, algorithm=MD5, qop="auth"`] }))
    const id = await call(await endpoint({}, 'wrong'), host)
    await ari.next('ChannelDestroyed', { channel: { id } })
    expect(of('INVITE')).toHaveLength(2)
  })

  test('a nonce that has expired meanwhile is replaced', async () => {
    const { ari } = lab()
    const { host, of } = await carrier(({ method }, nth) =>
      method !== 'INVITE' || nth > 2
        ? undefined
        : {
            status: 401,
            values: [`Digest realm="c", nonce="n${nth}", algorithm=MD5, qop="auth"${nth > 1 ? ', stale=true' : ''}`],
          },
    )
    const id = await call(await endpoint(), host)
    await ari.next('StasisStart', { channel: { id } })
    expect(header(of('INVITE')[2]!, 'authorization')).toContain('nonce="n2"')
  })

  test('a carrier that asks somebody without credentials gets none', async () => {
    const { ari } = lab()
    const { host, of } = await carrier(() => ({ status: 407, values: [`${digest}, algorithm=MD5, qop="auth"`] }))
    const id = await call('call-out', host)
    await ari.next('ChannelDestroyed', { channel: { id } })
    expect(of('INVITE')).toHaveLength(1)
  })

  test('only the codecs of the endpoint are offered, best first', async () => {
    const { host, of } = await carrier()
    const id = await call(await endpoint({ allow: '!all,alaw' }), host)
    await lab().ari.next('StasisStart', { channel: { id } })
    expect(of('INVITE')[0]!.body.toString()).toMatch(/^m=audio \d+ RTP\/AVP 8 101\r$/m)
  })

  test('headers given at the start come in the repeated INVITE too', async () => {
    const { host, of } = await carrier((request) =>
      isLetIn(request, login) || request.method !== 'INVITE'
        ? undefined
        : { status: 401, values: [`${digest}, algorithm=MD5`] },
    )
    const variables = { 'PJSIP_HEADER(add,X-Account)': '7', 'PJSIP_HEADER(add,Privacy)': 'id' }
    const id = await call(await endpoint(), host, { variables })
    await lab().ari.next('StasisStart', { channel: { id } })
    for (const invite of of('INVITE')) {
      expect([header(invite, 'x-account'), header(invite, 'privacy')]).toEqual(['7', 'id'])
    }
  })
}
