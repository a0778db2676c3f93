import type { NaptrRecord, SrvRecord } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { inOrder } from './in-order.ts'

export type SipProtocol = 'UDP' | 'TCP' | 'TLS'

/** What a SIP URI says of where it leads. */
export interface SipHost {
  /** A name or an address, an IPv6 one without brackets. */
  host: string
  port?: number | undefined
  /** What `transport=` asks for; absent: the host may choose. */
  protocol?: SipProtocol | undefined
  /** Of the scheme sips: TLS and nothing else. */
  secure?: boolean | undefined
}

export interface SipPlace {
  protocol: SipProtocol
  address: string
  port: number
}

/** All places of a host, the one to try first first; empty when there is none. */
export type Locate = (host: SipHost) => Promise<SipPlace[]>

/** RFC 3263 §4.1: what to ask for where no NAPTR record says more; the first is what RFC 3261 §18.1.1 falls back to. */
const SERVICES = { UDP: '_sip._udp', TCP: '_sip._tcp', TLS: '_sips._tcp' } as const
const NAPTR_SERVICES = new Map<string, SipProtocol>([
  ['SIP+D2U', 'UDP'],
  ['SIP+D2T', 'TCP'],
  ['SIPS+D2T', 'TLS'],
])
const MAX_PLACES = 10
const TTL_MS = 30_000
const CACHE_LIMIT = 1000

/** What is known of one way to a host before the dice are thrown. */
interface Service {
  protocol: SipProtocol
  records: SrvRecord[]
}

/**
 * Makes the function that finds the servers of a host. What it found it knows for half a minute, so that a call does not wait for
 * name servers. `servers` are asked for NAPTR and SRV records, `host:port`; absent: those of the system.
 */
export function createLocator(options: {
  /** Of the addresses that can be reached; 0: both. */
  family: 0 | 4 | 6
  servers?: string[] | undefined
  random?: () => number
}): Locate {
  const { family, servers, random = Math.random } = options
  const resolver = new Resolver({ timeout: 1000, tries: 2 })
  if (servers) resolver.setServers(servers)
  const cache = new Map<string, { services: Promise<Service[]>; until: number }>()

  const naptr = (name: string): Promise<NaptrRecord[]> => resolver.resolveNaptr(name).catch(none)
  const srv = (name: string): Promise<SrvRecord[]> =>
    resolver.resolveSrv(name).then((records) => records.filter((record) => record.name !== ''), none)
  const addressesOf = async (host: string): Promise<string[]> =>
    isIP(host) ? [host] : (await lookup(host, { all: true, family }).catch(none)).map(({ address }) => address)

  /** RFC 3263 §4.1 and §4.2, all questions at once. */
  async function findServices({ host, protocol, secure }: SipHost): Promise<Service[]> {
    const wanted: SipProtocol[] = secure ? ['TLS'] : protocol ? [protocol] : ['UDP', 'TCP', 'TLS']
    const byName = wanted.map(async (one) => ({ protocol: one, records: await srv(`${SERVICES[one]}.${host}`) }))
    const told = protocol && !secure ? [] : await naptr(host)
    const fromNaptr = told
      .filter(({ flags }) => flags.toLowerCase() === 's')
      .sort((a, b) => a.order - b.order || a.preference - b.preference)
      .flatMap(({ service, replacement }) => {
        const known = NAPTR_SERVICES.get(service.toUpperCase())
        return known && wanted.includes(known) ? [{ protocol: known, replacement }] : []
      })
      .map(async (one) => ({ protocol: one.protocol, records: await srv(one.replacement) }))
    const [first, second] = await Promise.all([Promise.all(fromNaptr), Promise.all(byName)])
    const found = first.some(({ records }) => records.length > 0) ? first : second
    return found.filter(({ records }) => records.length > 0)
  }

  function servicesOf(host: SipHost): Promise<Service[]> {
    const key = `${host.host} ${host.protocol ?? ''} ${host.secure ?? false}`
    const known = cache.get(key)
    if (known && known.until > Date.now()) return known.services
    const services = findServices(host)
    cache.delete(key)
    cache.set(key, { services, until: Date.now() + TTL_MS })
    if (cache.size > CACHE_LIMIT) cache.delete(cache.keys().next().value!)
    return services
  }

  return async (asked) => {
    const { host, port, protocol, secure } = asked
    const fallback = secure ? 'TLS' : (protocol ?? 'UDP')
    const direct = [{ protocol: fallback, name: host, port: port ?? (fallback === 'TLS' ? 5061 : 5060) }]
    // §4.2: with a port, or an address, there is nothing to ask for.
    const services = port !== undefined || isIP(host) ? [] : await servicesOf(asked)
    const ways = services.flatMap((service) =>
      inOrder(service.records, random).map((record) => ({ protocol: service.protocol, ...record })),
    )
    const places = (ways.length > 0 ? ways : direct).slice(0, MAX_PLACES).map(async (way) => {
      const addresses = await addressesOf(way.name)
      return addresses.map((address): SipPlace => ({ protocol: way.protocol, address, port: way.port }))
    })
    return (await Promise.all(places)).flat().slice(0, MAX_PLACES)
  }
}

/** No such record, or nobody who could say: then there is none. */
const none = (): never[] => []
