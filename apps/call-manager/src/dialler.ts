import { internalIdentity, nilId } from '@sidetone/contract'
import type { Address } from '@sidetone/proto-schemas/common'
import type { OutboundConfig } from '@sidetone/proto-schemas/outbound-config'
import { addressOf, isUuid, orUndefined } from './addresses.ts'
import type { Way } from './call-row.ts'
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
}

/** Something that an outgoing leg can be dialled to. */
export interface Dialable {
  source: Address
  destination: Address
  ways: Way[]
}

/** Checks what does not depend on whom is called: the customer is active. */
export async function diallerOf(core: Core, dialler: Omit<Dialler, 'config'>): Promise<Dialler> {
  const { customer_id } = dialler
  const identity = internalIdentity(customer_id)
  const customer = await orUndefined(core.managers.customer.customer.get({ id: customer_id }, { identity }))
  if (customer?.status !== 'active') throw new Refusal('CUSTOMER_NOT_ACTIVE')
  const config = await core.outboundConfigs.findBy(core.store, customer_id, {})
  return { ...dialler, config }
}

/** Where an address is reached. Throws a `Refusal`. */
export async function dialableOf(core: Core, dialler: Dialler, destination: Address): Promise<Dialable> {
  switch (destination.type) {
    case 'sip': {
      // Headers in the URI would become headers of our INVITE.
      if (/[?<>"\p{Cc}]/u.test(destination.target)) refuse('a sip address is user@host, without headers')
      const ways = [{ endpoint: `PJSIP/call-out/sip:${destination.target}`, variables: {} }]
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
    case 'tel':
      return refuse('phone numbers cannot be called yet; call an extension or a sip address')
    default:
      return refuse(
        `addresses of type ${destination.type || '""'} cannot be called here; use tel, sip, extension or agent`,
      )
  }
}

function refuse(problem: string): never {
  throw new Refusal('DESTINATION_INVALID', problem)
}

async function findExtension(core: Core, { customer_id }: Dialler, { target, target_name }: Address) {
  const { extension } = core.managers.registrar
  const identity = internalIdentity(customer_id)
  const byId = isUuid(target) ? await orUndefined(extension.get({ id: target }, { identity })) : undefined
  const number = target_name || target
  if (byId || !number) return byId
  return orUndefined(extension.by_number({ extension: number }, { identity }))
}

/** An agent's own addresses. Throws a `Refusal`. */
export async function agentOf(core: Core, customer_id: string, id: string) {
  const identity = internalIdentity(customer_id)
  const agent = isUuid(id) ? await orUndefined(core.managers.agent.agent.get({ id }, { identity })) : undefined
  if (!agent) return refuse('there is no such agent')
  return { ...agent, addresses: agent.addresses.filter(({ type }) => type !== 'agent') }
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
