import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import type { Judge } from './addresses.ts'
import { OutboundRefused } from './errors.ts'

/** A lookup that answers only when every address of the name may be reached, so that the address judged is the one dialled. */
export function guardedLookup(judge: Judge, lookup: typeof systemLookup = systemLookup): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      const refusal = error ?? judgeAll(judge, host, addresses)
      if (refusal) return callback(refusal, [])
      if (options.all) return callback(null, addresses)
      callback(null, addresses[0]!.address, addresses[0]!.family)
    })
  }
}

/** Connects for undici; no socket is opened before its address was judged. */
export function guardedConnector(judge: Judge, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false, lookup: guardedLookup(judge) })
  return (options, callback) => {
    // A literal address never reaches the lookup.
    const host = unbracketed(options.hostname)
    const refusal = isIP(host) ? judgeAll(judge, host, [{ address: host }]) : undefined
    if (refusal) return callback(refusal, null)
    connect(options, callback)
  }
}

/** An IPv6 host as the URL has it, `[::1]`, without its brackets. */
export function unbracketed(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function judgeAll(judge: Judge, host: string, addresses: Pick<LookupAddress, 'address'>[]): Error | undefined {
  if (addresses.length === 0) return new OutboundRefused(`'${host}' has no address`)
  try {
    for (const { address } of addresses) judge(address, host)
    return undefined
  } catch (error) {
    return error as Error
  }
}
