import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Locate } from '@sidetone/sip-locate'
import { placeOf } from './sip-options.ts'

/** A name that takes longer to be looked up counts as one without an address. */
const lookupMs = 1_500

const ipFamily = { 4: 'ipv4', 6: 'ipv6' } as const

/** On this machine other ports are other programs. */
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

interface Address {
  address: string
  type: 'ipv4' | 'ipv6'
}
const inTime = <T>(found: Promise<T[]>): Promise<T[]> =>
  Promise.race([found.catch(() => []), sleep(lookupMs, [], { ref: false })])

/** Calls to addresses of customers name a port, so that only these count. */
const addressesOf = async (host: string): Promise<Address[]> =>
  (await inTime(lookup(host, { all: true }))).map(({ address, family }) => ({
    address,
    type: ipFamily[family as 4 | 6],
  }))

/** A carrier is called where its NAPTR and SRV records lead, too. */
const placesOf = async (hostname: string, locate: Locate): Promise<Address[]> =>
  (await inTime(locate(placeOf(hostname)))).map(({ address }) => ({ address, type: isIPv6(address) ? 'ipv6' : 'ipv4' }))

const nameOf = (host: string): string => host.toLowerCase().replace(/\.$/, '')

/** Whether a host is, by its name or by its address, that of one of the carriers. */
export async function isCarrierHost(host: string, hostnames: string[], locate: Locate): Promise<boolean> {
  const hosts = Array.from(new Set(hostnames.map((hostname) => nameOf(placeOf(hostname).host))))
  if (!isIP(host) && hosts.includes(nameOf(host))) return true
  const [called, ...carriers] = await Promise.all([
    addressesOf(host),
    ...hosts.map(addressesOf),
    ...hostnames.map((hostname) => placesOf(hostname, locate)),
  ])
  const taken = new BlockList()
  for (const { address, type } of carriers.flat()) {
    if (!loopback.check(address, type)) taken.addAddress(address, type)
  }
  return called.some(({ address, type }) => taken.check(address, type))
}
