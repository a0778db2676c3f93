import { nilId } from '@sidetone/contract'
import { carrierEndpoint, type Dialroute, type Provider, type Route } from '@sidetone/proto-schemas/route'

/** The targets of routes that a number falls under: `all`, `+1`, `+12`, … */
export const targetsOf = (number: string): string[] => [
  'all',
  ...Array.from(number.slice(1), (_, digits) => number.slice(0, digits + 2)),
]

/**
 * The ways to dial a number, first the one to try first: the customer's own routes before everyone's, carriers that
 * answer before those that do not, then the longest target, then the smallest priority, then the oldest. A carrier comes once.
 */
export function dialOrder(number: string, routes: Route[], providers: Provider[]): Dialroute[] {
  const byId = new Map(providers.map((provider) => [provider.id, provider]))
  const ways = routes.flatMap((route) => {
    const provider = byId.get(route.provider_id)
    return provider ? [{ route, provider }] : []
  })
  const rank = ({ route, provider }: (typeof ways)[number]) => [
    Number(route.customer_id === nilId),
    Number(provider.health_status === 'unhealthy'),
    route.target === 'all' ? 0 : -route.target.length,
    route.priority,
  ]
  const sorted = ways
    .map((way) => ({ ...way, rank: rank(way) }))
    .sort((a, b) => difference(a.rank, b.rank) || (a.route.tm_create < b.route.tm_create ? -1 : 1))
  const seen = new Set<string>()
  return sorted.flatMap(({ route, provider }) => {
    if (seen.has(provider.id)) return []
    seen.add(provider.id)
    return [dialroute(number, provider, route.id)]
  })
}

const difference = (a: number[], b: number[]): number =>
  a.map((value, index) => value - b[index]!).find((one) => one !== 0) ?? 0

/** A way to dial a number through a carrier. */
export function dialroute(number: string, provider: Provider, route_id: string): Dialroute {
  const { id, hostname, tech_prefix, tech_postfix, tech_headers, codecs, username, health_status } = provider
  // RFC 3261 section 25.1: of what may be in an affix, a user part has everything but # as it is.
  const user = `${tech_prefix}${number}${tech_postfix}`.replaceAll('#', '%23')
  return {
    route_id,
    provider_id: id,
    provider_type: provider.type,
    hostname,
    tech_prefix,
    tech_postfix,
    tech_headers,
    codecs,
    endpoint: `PJSIP/${username || codecs ? carrierEndpoint(id) : 'call-out'}/sip:${user}@${hostname}`,
    health_status,
  }
}
