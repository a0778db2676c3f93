import { createClient, type Transport } from '@sidetone/bus'
import { internalIdentity } from '@sidetone/contract'
import { nodeCodecsOf } from '@sidetone/proto-schemas/codec'
import { carrierEndpoint, type Provider, routeContract } from '@sidetone/proto-schemas/route'
import type { Logger } from 'pino'
import type { AriReply, AriRequest } from './ari-socket.ts'

interface Parts {
  transport: Transport
  request: (request: AriRequest) => Promise<AriReply>
  log: Logger
}

/** What a carrier's endpoint has of `call-out`, the node's own way out. */
const inherited = new Set([
  'bind_rtp_to_media_address',
  'context',
  'direct_media',
  'dtmf_mode',
  'force_rport',
  'media_address',
  'outbound_proxy',
  'rtp_symmetric',
  'send_connected_line',
  'send_pai',
  'transport',
  'trust_id_inbound',
  'trust_id_outbound',
])

interface Attribute {
  attribute: string
  value: string
}

/**
 * Before a call through a carrier with an endpoint of its own: tells the node that endpoint as it is now (ARI push
 * configuration). When that does not work, the node dials with what it was told before, or refuses.
 */
export function carrierEndpoints({ transport, request, log }: Parts) {
  const { provider: providers } = createClient(routeContract, { transport, publisher: 'asterisk-proxy' })
  const objectPath = (type: string, id: string) => `asterisk/config/dynamic/res_pjsip/${type}/${id}`

  async function push(type: string, id: string, fields: Attribute[]): Promise<void> {
    const { status } = await request({ method: 'PUT', path: objectPath(type, id), body: { fields } })
    if (status !== 200) throw new Error(`the node refused the ${type} with status ${status}`)
  }

  async function tell(provider: Provider): Promise<void> {
    const id = carrierEndpoint(provider.id)
    const { username, password } = provider
    if (username) {
      const auth = { auth_type: 'digest', username, password, supported_algorithms_uac: 'MD5,SHA-256' }
      await push('auth', id, attributesOf(auth))
    }
    const { body } = await request({ method: 'GET', path: objectPath('endpoint', 'call-out') })
    const own = (body as Attribute[]).filter(({ attribute, value }) => inherited.has(attribute) && value !== '')
    const allow = ['!all', ...codecsOf(provider)].join(',')
    await push('endpoint', id, [...own, ...attributesOf({ allow, ...(username && { outbound_auth: id }) })])
  }

  return {
    async prepare({ query, body }: AriRequest, deadline: number): Promise<void> {
      const { endpoint } = { ...(body as object | undefined), ...query } as { endpoint?: unknown }
      const id = /^PJSIP\/carrier-([0-9a-f-]{36})\//.exec(String(endpoint))?.[1]
      if (id === undefined) return
      try {
        await tell(await providers.get({ id }, { identity: internalIdentity(), deadline }))
      } catch (err) {
        log.warn({ err, provider_id: id }, 'the RTC node could not be told about a carrier')
      }
    },
  }
}

const attributesOf = (values: Record<string, string>): Attribute[] =>
  Object.entries(values).map(([attribute, value]) => ({ attribute, value }))

function codecsOf({ codecs }: Provider): string[] {
  const known = nodeCodecsOf(codecs)
  return known.length > 0 ? known : ['ulaw', 'alaw']
}
