import type { Addresses } from '../addresses.ts'
import type { FlowTarget } from '../sip/flow.ts'
import type { Candidate } from '../sip/fork.ts'
import type { Location } from '../sip/location.ts'
import { parseUri, type SipUri } from '../sip/uri.ts'
import { OUTBOUND_ENDPOINT } from './endpoints.ts'
import type { Redirected } from './outbound-sip.ts'

/** The phones of an address of record, which ring together. */
export const phonesOf = (location: Location, aor: string): Candidate[] =>
  location.find(aor).flatMap(({ contact, source }): Candidate[] => {
    const target = parseUri(contact)
    return target ? [{ target, ways: [source] }] : []
  })

/**
 * Which redirects are followed (RFC 3261 §8.1.3.4). Whoever had us call checked what was called, not what it names now, so:
 * an extension may send us to another one of its customer; a carrier to any server for the same number; anybody else to
 * another address at the same server. What else is wanted, as a forward to a telephone number, would be nobody's call to pay.
 */
export function createRedirects(options: {
  addresses: Pick<Addresses, 'aorOf' | 'isLocalDomain'>
  location: Location
  locate(uri: SipUri): Promise<FlowTarget[]>
  /** Rejects for an address in a network that is not to be reached. */
  guard(address: string): Promise<unknown>
}): Redirected {
  const { addresses, location, locate, guard } = options

  async function toCarrier(contact: SipUri): Promise<Candidate[]> {
    const ways = await locate(contact)
    await Promise.all(ways.map(({ remoteAddress }) => guard(remoteAddress)))
    return [{ target: contact, ways }]
  }

  async function toSameServer(contact: SipUri, from: Candidate): Promise<Candidate[]> {
    const known = new Set(from.ways.map(({ remoteAddress }) => remoteAddress))
    const ways = (await locate(contact)).filter(({ remoteAddress }) => known.has(remoteAddress))
    return [{ target: contact, ways }]
  }

  function toExtension(contact: SipUri, customer: string): Candidate[] {
    const named = addresses.aorOf(contact)
    const meant = `${contact.user}@${customer}`
    return named === meant || (named === null && addresses.isLocalDomain(contact.host)) ? phonesOf(location, meant) : []
  }

  return async (contacts, from, { uri, endpoint }) => {
    const aor = addresses.aorOf(uri)
    const carrier = endpoint.name !== OUTBOUND_ENDPOINT
    const numberOf = ({ user }: SipUri) => user.split(';', 1)[0]
    const allowed = contacts.map(async (contact) => {
      if (contact.scheme === 'tel') return []
      if (aor !== null) return toExtension(contact, aor.slice(aor.lastIndexOf('@') + 1))
      if (carrier) return numberOf(contact) === numberOf(uri) ? toCarrier(contact) : []
      return toSameServer(contact, from)
    })
    const found = await Promise.allSettled(allowed)
    return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])).filter(({ ways }) => ways.length > 0)
  }
}
