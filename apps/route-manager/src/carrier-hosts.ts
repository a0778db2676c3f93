import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { placeOf } from './sip-options.ts'

/** A name that takes longer to be looked up counts as one without an address. */
const lookupMs = 1_500

const ipFamily = { 4: 'ipv4', 6: 'ipv6' } as const

/** On this machine other ports are other programs. */
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

async function addressesOf(host: string): Promise<{ address: string; type: 'ipv4' | 'ipv6' }[]> {
  const found = await Promise.race([
    lookup(host, { all: true }).catch(() => []),
    sleep(lookupMs, [] as { address: string; family: number }[], { ref: false }),
  ])
  return found.map(({ address, family }) => ({ address, type: ipFamily[family as 4 | 6] }))
}

const nameOf = (host: string): string => host.toLowerCase().replace(/\.$/, '')

/** Whether a host is, by its name or by its address, that of one of the carriers. */
export async function isCarrierHost(host: string, hostnames: string[]): Promise<boolean> {
  const hosts = Array.from(new Set(hostnames.map((hostname) => nameOf(placeOf(hostname).host))))
  if (!isIP(host) && hosts.includes(nameOf(host))) return true
  const [called, ...carriers] = await Promise.all([host, ...hosts].map(addressesOf))
  const taken = new BlockList()
  for (const { address, type } of carriers.flat()) {
    if (!loopback.check(address, type)) taken.addAddress(address, type)
  }
  return called!.some(({ address, type }) => taken.check(address, type))
}
