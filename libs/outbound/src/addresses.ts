import ipaddr from 'ipaddr.js'
import { OutboundRefused } from './errors.ts'

type Address = ReturnType<typeof ipaddr.parse>
type Range = ReturnType<typeof ipaddr.parseCIDR>

/** Throws OutboundRefused unless the address is public or let through. */
export type Judge = (address: string, host: string) => void

// RFC 4291 2.4 leaves other prefixes for special uses; only this one is given out as global unicast.
const globalUnicast = ipaddr.parseCIDR('2000::/3')
// RFC 6052 2.1: where names have no AAAA record a NAT64 resolver answers with this prefix and the IPv4 address.
const nat64 = ipaddr.parseCIDR('64:ff9b::/96')

export function createJudge(allow: readonly string[]): Judge {
  const allowed = allow.map(parseRange)
  return (text, host) => {
    const address = destination(ipaddr.parse(text))
    if (isPublic(address) || allowed.some((range) => isIn(address, range))) return
    throw new OutboundRefused(
      // Without the address: whoever gave the name must not learn from us how it resolves in here.
      `'${host}' has no public address (${address.range()}); OUTBOUND_ALLOW can let its network through`,
    )
  }
}

/** The IPv4 address that an IPv4-mapped or NAT64 address leads to; any other address itself. */
function destination(address: Address): Address {
  if (address.kind() === 'ipv4') return address
  if (!isIn(address, nat64) && address.range() !== 'ipv4Mapped') return address
  return ipaddr.fromByteArray(address.toByteArray().slice(12))
}

function isPublic(address: Address): boolean {
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || isIn(address, globalUnicast))
}

function isIn(address: Address, range: Range): boolean {
  return address.kind() === range[0].kind() && address.match(range)
}

function parseRange(text: string): Range {
  const base = text.split('/')[0]!
  // Not isValid, which takes the 10 of 10/8 for 0.0.0.10.
  const bits = ipaddr.IPv4.isValidFourPartDecimal(base) ? 32 : ipaddr.IPv6.isValid(base) ? 128 : undefined
  const range = base === text ? `${text}/${bits}` : text
  if (bits && ipaddr.isValidCIDR(range)) return ipaddr.parseCIDR(range)
  throw new TypeError(`OUTBOUND_ALLOW: '${text}' is no network; write it as 10.0.0.0/8 or fd00::/8`)
}
