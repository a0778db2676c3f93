import { BlockList } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { SoftswitchConfig } from './config.ts'
import { bareHost, type SipUri } from './sip/uri.ts'

export interface Addresses {
  /** What we call ourselves towards a peer. */
  addressFor(remoteAddress: string): string
  /** Whether a host in a SIP URI means this switch. */
  isLocalDomain(host: string): boolean
  /** The trunk whose domain a host is: `<trunk>.trunk.<base>`. */
  trunkOf(host: string): string | null
  /** The phone that a URI to be called means: only the domain of a customer tells whose it is. */
  aorOf(uri: SipUri): string | null
  readonly trusted: BlockList
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1'

export function createAddresses(config: SoftswitchConfig): Addresses {
  const isWildcard = config.bindAddress === '0.0.0.0' || config.bindAddress === '::'
  const family = config.bindAddress.includes(':') ? 'IPv6' : 'IPv4'
  const found = Object.values(networkInterfaces())
    .flat()
    .filter((face) => face !== undefined)
  const outside = found.find((face) => !face.internal && face.family === family && !face.address.startsWith('fe80:'))
  const loopback = family === 'IPv6' ? '::1' : '127.0.0.1'
  const advertised = config.advertisedIp ?? (isWildcard ? (outside?.address ?? loopback) : config.bindAddress)
  const own = new Set([...found.map((face) => face.address), advertised, config.bindAddress])
  const registrarSuffix = `.registrar.${config.registrarBaseDomain}`
  const trunkSuffix = `.trunk.${config.registrarBaseDomain}`
  const names = new Set(['localhost', ...config.localDomains])

  /** The customer in `<customer id>.registrar.<base>`. */
  const customerOf = (host: string): string | null => {
    const customer = host.endsWith(registrarSuffix) ? host.slice(0, -registrarSuffix.length) : ''
    return customer === '' || customer.includes('.') ? null : customer
  }
  const trusted = new BlockList()
  for (const cidr of config.trustedCidrs) {
    const [network = '', prefix] = cidr.split('/')
    trusted.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4')
  }

  return {
    trusted,
    addressFor(remoteAddress) {
      if (!isLoopback(remoteAddress)) return advertised
      return isWildcard ? loopback : config.bindAddress
    },
    isLocalDomain(host) {
      const bare = bareHost(host)
      return names.has(bare) || own.has(bare) || isLoopback(bare) || customerOf(bare) !== null
    },
    trunkOf(host) {
      const bare = bareHost(host)
      return bare.endsWith(trunkSuffix) ? bare.slice(0, -trunkSuffix.length) : null
    },
    aorOf({ user, host }) {
      const customer = customerOf(bareHost(host))
      return customer === null ? null : `${user}@${customer}`
    },
  }
}
