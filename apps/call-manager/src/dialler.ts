import { internalIdentity, nilId } from '@sidetone/contract'
import { nodeCodecsOf } from '@sidetone/proto-schemas/codec'
import type { Address } from '@sidetone/proto-schemas/common'
import type { OutboundConfig } from '@sidetone/proto-schemas/outbound-config'
import { parsePhoneNumberFromString } from 'libphonenumber-js'
import { addressOf, isUuid, orUndefined } from './addresses.ts'
import type { CallRow, Way } from './call-row.ts'
import type { Core } from './core.ts'
import { Refusal } from './refusal.ts'

/** Who dials, and as whom. */
export interface Dialler {
  customer_id: string
  /** As asked for; empty: whatever the customer has. */
  source: Address
  /** The source is who called us: phones of the customer's may see it, whoever it is. */
  isCaller: boolean
  anonymous: boolean
  route_provider_ids: string[]
  config: OutboundConfig | undefined
  /** It may call phone numbers, as far as it is known who it is. */
  isIdentified: boolean
}

/** Something that an outgoing leg can be dialled to. */
export interface Dialable {
  source: Address
  destination: Address
  ways: Way[]
}

/** Checks what does not depend on whom is called: the customer is active. */
export async function diallerOf(core: Core, dialler: Omit<Dialler, 'config' | 'isIdentified'>): Promise<Dialler> {
  const { customer_id } = dialler
  const identity = internalIdentity(customer_id)
  const customer = await orUndefined(core.managers.customer.customer.get({ id: customer_id }, { identity }))
  if (customer?.status !== 'active') throw new Refusal('CUSTOMER_NOT_ACTIVE')
  const config = await core.outboundConfigs.findBy(core.store, customer_id, {})
  const isVerified = customer.identity_verification_status === 'verified'
  return { ...dialler, config, isIdentified: isVerified || core.settings.IDENTITY_VERIFICATION === 'optional' }
}

/** Where an address is reached. Throws a `Refusal`. */
export async function dialableOf(core: Core, dialler: Dialler, destination: Address): Promise<Dialable> {
  switch (destination.type) {
    case 'sip': {
      await checkSipHost(core, dialler, destination.target)
      const endpoint = `PJSIP/call-out/sip:${withPort(destination.target)}`
      const ways = [{ endpoint, variables: {}, ...formatsOf(dialler) }]
      return { source: await sourceOf(core, dialler), destination, ways }
    }
    case 'extension': {
      const { customer_id } = dialler
      const { id, extension } =
        (await findExtension(core, dialler, destination)) ?? refuse('there is no such extension')
      const host = `${customer_id}.registrar.${core.settings.SIP_BASE_DOMAIN}`
      return {
        source: await sourceOf(core, dialler),
        destination: { ...destination, target: id, target_name: extension },
        ways: [{ endpoint: `PJSIP/call-out/sip:${extension}@${host}`, variables: {} }],
      }
    }
    case 'tel': {
      if (!dialler.isIdentified) throw new Refusal('IDENTITY_VERIFICATION_REQUIRED')
      await checkBalance(core, dialler)
      checkCountry(dialler, destination.target)
      const ways = await waysTo(core, dialler, destination.target)
      const source = await telSourceOf(core, dialler)
      const privacy = dialler.anonymous ? privacyOf(source.target) : {}
      return { source, destination, ways: ways.map((way) => ({ ...way, variables: { ...way.variables, ...privacy } })) }
    }
    default:
      return refuse(
        `addresses of type ${destination.type || '""'} cannot be called here; use tel, sip, extension or agent`,
      )
  }
}

/** What the customer wants to be offered where it is not a carrier's or a registered phone's business. */
function formatsOf({ config }: Dialler): Pick<Way, 'formats'> {
  const formats = nodeCodecsOf(config?.codecs ?? '').join(',')
  return formats === '' ? {} : { formats }
}

function refuse(problem: string): never {
  throw new Refusal('DESTINATION_INVALID', problem)
}

/** Of parameters, only this leads nowhere else than to the host; headers in the URI would become headers of our INVITE. */
const sipTarget =
  /^[^@<>"?\s\p{Cc}]+@(?:\[(?<ipv6>[0-9a-f:.]+)\]|(?<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*))(?::[0-9]{1,5})?(?:;transport=[a-z]+)?$/iu

/** With a port the address of the host is called that was checked, and not where its SRV records lead (RFC 3263 section 4.2). */
function withPort(target: string): string {
  const at = target.lastIndexOf('@')
  const [host = '', parameters] = target.slice(at + 1).split(';')
  if (/:[0-9]+$/.test(host.replace(/\[.*\]/, ''))) return target
  const port = parameters?.toLowerCase() === 'transport=tls' ? 5061 : 5060
  return [`${target.slice(0, at)}@${host}:${port}`, ...(parameters ? [parameters] : [])].join(';')
}

/** A carrier that knows us by our address alone would put a call through for nothing, wherever it goes. */
async function checkSipHost(core: Core, dialler: Dialler, target: string): Promise<void> {
  const { ipv6, name } = sipTarget.exec(target)?.groups ?? {}
  const host = ipv6 ?? name ?? refuse('a sip address is user@host, without headers or parameters but transport')
  if (isPhone(core, host)) {
    if (host.toLowerCase() !== phonesOf(core, dialler.customer_id)) refuse('this is the phone of another customer')
    return
  }
  const identity = internalIdentity(dialler.customer_id)
  const { is_carrier } = await core.managers.route.dialroute.carrier_at({ host }, { identity })
  if (is_carrier) refuse('this host is that of a carrier; call numbers as addresses of type tel')
  await core.outbound.addressOf(host).catch((error: Error) => refuse(`this host cannot be called: ${error.message}`))
}

/** Phones register with the domain of their customer, which alone may call them by it. */
const phonesOf = ({ settings }: Core, customer_id: string): string =>
  `${customer_id}.registrar.${settings.SIP_BASE_DOMAIN}`.toLowerCase()
const isPhone = (core: Core, host: string): boolean => host.toLowerCase().endsWith(phonesOf(core, ''))

async function checkBalance(core: Core, { customer_id }: Dialler): Promise<void> {
  const identity = internalIdentity(customer_id)
  const { valid } = await core.managers.billing.billing_account.check({}, { identity })
  if (!valid) throw new Refusal('BALANCE_INSUFFICIENT')
}

function checkCountry({ config }: Dialler, number: string): void {
  const country = parsePhoneNumberFromString(number)?.country?.toLowerCase()
  if (!country) throw new Refusal('COUNTRY_NOT_ALLOWED', 'This is no number of any country.')
  if (!config?.destination_whitelist.includes(country)) {
    throw new Refusal(
      'COUNTRY_NOT_ALLOWED',
      `The number is in the country ${country}, which is not in destination_whitelist; add it with PUT /outbound_config.`,
    )
  }
}

const headerOf = (name: string): string => `PJSIP_HEADER(add,${name})`

/** The carriers in the order in which they are tried. */
async function waysTo(core: Core, { customer_id, route_provider_ids }: Dialler, target: string): Promise<Way[]> {
  const identity = internalIdentity(customer_id)
  const { result } = await core.managers.route.dialroute.list({ target, route_provider_ids }, { identity })
  if (result.length === 0) throw new Refusal('DIALROUTE_NOT_FOUND')
  return result.map(({ endpoint, tech_headers }) => ({
    endpoint,
    variables: Object.fromEntries(Object.entries(tech_headers).map(([name, value]) => [headerOf(name), value])),
  }))
}

/** The carrier is told who calls, the phone is not (RFC 3325 section 9.3). */
const privacyOf = (number: string): Record<string, string> => ({
  [headerOf('P-Asserted-Identity')]: `<tel:${number}>`,
  [headerOf('Privacy')]: 'id',
})

/** `auto`: as the call that makes it. */
export const isAnonymous = (asked: '' | 'yes' | 'no' | 'auto', master?: Pick<CallRow, 'anonymous'>): boolean =>
  asked === 'yes' || (asked === 'auto' && master?.anonymous === true)

async function findExtension(core: Core, { customer_id }: Dialler, { target, target_name }: Address) {
  const { extension } = core.managers.registrar
  const identity = internalIdentity(customer_id)
  const byId = isUuid(target) ? await orUndefined(extension.get({ id: target }, { identity })) : undefined
  const number = target_name || target
  if (byId || !number) return byId
  return orUndefined(extension.by_number({ extension: number }, { identity }))
}

/** An agent with the addresses at which it can be called. Throws a `Refusal`. */
export async function agentOf(core: Core, customer_id: string, id: string) {
  const identity = internalIdentity(customer_id)
  const agent = isUuid(id) ? await orUndefined(core.managers.agent.agent.get({ id }, { identity })) : undefined
  if (!agent) return refuse('there is no such agent')
  const addresses = agent.addresses.filter(({ type }) => type !== 'agent')
  if (addresses.length === 0) refuse('the agent has no address that can be called')
  return { ...agent, addresses }
}

/** Whom the phone shows: the address that was asked for if the customer may, else its default number. */
async function sourceOf(core: Core, { customer_id, source, isCaller, config }: Dialler): Promise<Address> {
  if (isCaller) return source
  if (source.type !== '' && (await isOwnSource(core, customer_id, source))) return source
  const fallback = config && (await numberById(core, customer_id, config.default_outgoing_source_number_id))
  if (fallback) return fallback
  if (source.type !== '') throw new Refusal('SOURCE_INVALID')
  return (await newestNumber(core, customer_id)) ?? addressOf('sip', 'anonymous@anonymous.invalid')
}

/** Carriers are shown an own number, or the one that the customer has set for that. */
async function telSourceOf(core: Core, { customer_id, source, config }: Dialler): Promise<Address> {
  const identity = internalIdentity(customer_id)
  const { number } = core.managers.number
  const own =
    source.type === 'tel' ? await orUndefined(number.lookup({ number: source.target }, { identity })) : undefined
  if (own?.customer_id === customer_id && own.type === 'normal') return source
  const fallback = config && (await numberById(core, customer_id, config.default_outgoing_source_number_id))
  if (!fallback) throw new Refusal('SOURCE_INVALID')
  return fallback
}

/** Whether the customer may show this address as the caller: its own numbers and extensions, and any sip address. */
export async function isOwnSource(core: Core, customer_id: string, { type, target }: Address): Promise<boolean> {
  const identity = internalIdentity(customer_id)
  if (type === 'tel') {
    const number = await orUndefined(core.managers.number.number.lookup({ number: target }, { identity }))
    return number?.customer_id === customer_id
  }
  if (type !== 'extension') return true
  const { extension } = core.managers.registrar
  return isUuid(target) && (await orUndefined(extension.get({ id: target }, { identity }))) !== undefined
}

async function numberById(core: Core, customer_id: string, id: string): Promise<Address | undefined> {
  if (id === nilId) return undefined
  const found = await orUndefined(core.managers.number.number.get({ id }, { identity: internalIdentity(customer_id) }))
  return found?.status === 'active' ? addressOf('tel', found.number, '', found.name) : undefined
}

async function newestNumber(core: Core, customer_id: string): Promise<Address | undefined> {
  const identity = internalIdentity(customer_id)
  const { result } = await core.managers.number.number.list({ page_size: 1 }, { identity })
  const [number] = result
  return number && addressOf('tel', number.number, '', number.name)
}
