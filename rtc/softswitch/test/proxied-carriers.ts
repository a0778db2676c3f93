import { randomUUID } from 'node:crypto'
import { startAsteriskProxy } from '@sidetone/asterisk-proxy'
import { internalIdentity, nilId } from '@sidetone/contract'
import { asteriskContract } from '@sidetone/proto-schemas/asterisk'
import { carrierEndpoint, type Provider, routeContract } from '@sidetone/proto-schemas/route'
import { scripted, startTestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isLetIn, startCarrier } from './ari/carrier.ts'
import type { Target } from './ari/lab.ts'

const login = { username: 'sidetone', password: 'secret' }
const challenge = { status: 407 as const, values: ['Digest realm="carrier", nonce="n", algorithm=SHA-256, qop="auth"'] }

/** What the proxy tells a node about carriers is what the node then dials with. */
export function proxiedCarriers(start: () => Promise<Target>) {
  const providers = new Map<string, Partial<Provider>>()
  const routeManager = scripted(routeContract, {
    provider: {
      async get({ id }, { fail }) {
        const given = providers.get(id)
        if (!given) throw fail('PROVIDER_NOT_FOUND')
        return {
          ...{ id, customer_id: nilId, type: 'sip', hostname: '', tech_prefix: '', tech_postfix: '', tech_headers: {} },
          ...{ metadata: {}, name: '', detail: '', codecs: '', username: '', password: '', health_status: 'healthy' },
          ...{ register: false, registration_status: 'off', registration_detail: '' },
          ...{ health_checked_at: null, tm_create: '', tm_update: null, tm_delete: null },
          ...given,
        }
      },
    },
  })

  let app: Awaited<ReturnType<typeof startTestPlatform>>
  let proxy: Awaited<ReturnType<typeof startAsteriskProxy>>
  let target: Target
  beforeAll(async () => {
    target = await start()
    app = await startTestPlatform({ managers: [routeManager] })
    const { transport, files, log } = app.platform
    proxy = await startAsteriskProxy({ ...target, app: 'sidetone', transport, files, log })
  })
  afterAll(async () => {
    await proxy.close()
    await app.close()
    await target.stop()
  })

  /** Calls through the carrier until it has answered or refused. */
  async function call(id: string, host: string, wanted: RegExp) {
    const channelId = randomUUID()
    const { ari } = app.as(asteriskContract, internalIdentity())
    const endpoint = `PJSIP/${carrierEndpoint(id)}/sip:+12125550100@${host}`
    const query = { endpoint, app: 'sidetone', channelId, callerId: '+15550100000' }
    const { status } = await ari.request({ method: 'POST', path: 'channels', query })
    const heard = async () =>
      (await app.events()).map(({ data }) => (data as { event: { type: string; channel?: { id: string } } }).event)
    if (status === 200)
      await expect
        .poll(async () => (await heard()).filter(({ channel }) => channel?.id === channelId).map(({ type }) => type), {
          timeout: 4_000,
        })
        .toContainEqual(expect.stringMatching(wanted))
    await ari.request({ method: 'DELETE', path: `channels/${channelId}` })
    return status
  }

  /** What a carrier's endpoint must have of the node's own. */
  async function pushed(name: string) {
    const { ari } = app.as(asteriskContract, internalIdentity())
    const { body } = await ari.request({ method: 'GET', path: `asterisk/config/dynamic/res_pjsip/endpoint/${name}` })
    const names = ['context', 'direct_media', 'media_address', 'rtp_symmetric', 'send_connected_line', 'send_pai']
    return (body as { attribute: string }[])
      .filter(({ attribute }) => names.includes(attribute))
      .sort((a, b) => (a.attribute < b.attribute ? -1 : 1))
  }

  test('credentials and codecs are those that the carrier has at the moment of the call', async () => {
    const carrier = await startCarrier((request) =>
      isLetIn(request, login) || request.method === 'BYE' ? undefined : challenge,
    )
    const id = randomUUID()
    providers.set(id, { ...login, password: 'not yet', codecs: 'G729,PCMA' })
    expect(await call(id, carrier.host, /ChannelDestroyed/)).toBe(200)
    providers.set(id, { ...login, codecs: 'G729,PCMA' })
    expect(await call(id, carrier.host, /StasisStart/)).toBe(200)
    const invite = carrier.of('INVITE').at(-1)!
    expect(isLetIn(invite, login)).toBe(true)
    expect(invite.body.toString()).toMatch(/^m=audio \d+ RTP\/AVP 8 101\r$/m)
    carrier.close()
    expect(await pushed(carrierEndpoint(id))).toEqual(await pushed('call-out'))
  })

  test('a carrier that is gone is not called', async () => {
    expect(await call(randomUUID(), '127.0.0.1:9', /never/)).toBe(500)
  })
}
