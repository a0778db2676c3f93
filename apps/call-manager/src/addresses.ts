import { ApiError, internalIdentity } from '@sidetone/contract'
import { type Address, emptyAddress } from '@sidetone/proto-schemas/common'
import type { Core } from './core.ts'

export const addressOf = (type: Address['type'], target: string, target_name = '', name = ''): Address => ({
  ...emptyAddress,
  type,
  target,
  target_name,
  name,
})

/** `undefined` for what does not exist; other errors stay errors. */
export const orUndefined = <T>(found: Promise<T>): Promise<T | undefined> =>
  found.catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 'NOT_FOUND') return undefined
    throw error
  })

/** The number as E.164, from what a carrier or a phone writes; undefined when it is not a number. */
export function e164Of(text: string): string | undefined {
  const digits = /^\+?([0-9]{7,15})$/.exec(text)?.[1]
  return digits && `+${digits}`
}

/** Who calls, from what the RTC node knows. */
export function remoteAddress(number: string, name: string, host: string): Address {
  const e164 = e164Of(number)
  if (e164) return addressOf('tel', e164, '', name)
  const isKnown = number !== '' && number.toLowerCase() !== 'anonymous'
  return addressOf('sip', isKnown ? `${number}@${host}` : 'anonymous@anonymous.invalid', '', name)
}

/** What the phone that we call shows: `"name" <user>`. */
export function callerIdOf({ type, target, target_name, name }: Address, anonymous: boolean): string {
  if (anonymous) return '"Anonymous" <anonymous>'
  const user = type === 'extension' ? target_name : type === 'sip' ? target.slice(0, target.indexOf('@')) : target
  const clean = (text: string) => text.replace(/["<>\\\p{Cc}]/gu, '')
  return `"${clean(name || user)}" <${clean(user) || 'anonymous'}>`
}

/** Something that an outgoing leg can be dialled to. */
export interface Dialable {
  endpoint: string
  destination: Address
}

/** Where an address is reached: one endpoint, several for an agent; a text says why there is none. */
export async function dialablesOf(core: Core, customer_id: string, address: Address): Promise<Dialable[] | string> {
  const identity = internalIdentity(customer_id)
  switch (address.type) {
    case 'sip':
      // Headers in the URI would become headers of our INVITE.
      if (/[?<>"\p{Cc}]/u.test(address.target)) return 'a sip address is user@host, without headers'
      return [{ endpoint: `PJSIP/call-out/sip:${address.target}`, destination: address }]
    case 'extension': {
      const { extension } = core.managers.registrar
      const byId = isUuid(address.target)
        ? await orUndefined(extension.get({ id: address.target }, { identity }))
        : undefined
      const name = address.target_name || address.target
      const found =
        byId ?? (name ? await orUndefined(extension.by_number({ extension: name }, { identity })) : undefined)
      if (!found) return 'there is no such extension'
      const host = `${customer_id}.registrar.${core.settings.SIP_BASE_DOMAIN}`
      return [
        {
          endpoint: `PJSIP/call-out/sip:${found.extension}@${host}`,
          destination: { ...address, target: found.id, target_name: found.extension },
        },
      ]
    }
    case 'agent': {
      const agent = await orUndefined(core.managers.agent.agent.get({ id: address.target }, { identity }))
      if (!agent) return 'there is no such agent'
      const own = agent.addresses.filter(({ type }) => type !== 'agent')
      const found = await Promise.all(own.map((one) => dialablesOf(core, customer_id, one)))
      const dialables = found.flatMap((one) => (typeof one === 'string' ? [] : one))
      return dialables.length > 0 ? dialables : 'the agent has no address that can be called'
    }
    case 'tel':
      return 'phone numbers cannot be called yet; call an extension or a sip address'
    default:
      return `addresses of type ${address.type || '""'} cannot be called; use extension, sip or agent`
  }
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/** Whether the customer may show this address as the caller: its own numbers and extensions, and any sip address. */
export async function isOwnSource(core: Core, customer_id: string, { type, target }: Address): Promise<boolean> {
  const identity = internalIdentity(customer_id)
  if (type === 'tel') {
    const number = await orUndefined(core.managers.number.number.lookup({ number: target }, { identity }))
    return number?.customer_id === customer_id
  }
  if (type !== 'extension') return true
  return (
    isUuid(target) &&
    (await orUndefined(core.managers.registrar.extension.get({ id: target }, { identity }))) !== undefined
  )
}

/** Whom the phone shows when nobody said: the customer's newest number, else nobody. */
export async function defaultSource(core: Core, customer_id: string): Promise<Address> {
  const identity = internalIdentity(customer_id)
  const { result } = await core.managers.number.number.list({ page_size: 1 }, { identity })
  const [number] = result
  return number ? addressOf('tel', number.number, '', number.name) : addressOf('sip', 'anonymous@anonymous.invalid')
}

/** The agent that is at the other end, if it is one. Nice to know, so it may neither delay nor fail a call. */
export async function ownerOf(core: Core, customer_id: string, remote: Address): Promise<string | undefined> {
  const identity = internalIdentity(customer_id)
  return core.managers.agent.agent
    .by_address({ address: remote }, { identity, deadline: Date.now() + ownerTimeoutMs })
    .then(({ agent }) => agent?.id)
    .catch((err: unknown) => {
      core.log.warn({ err, customer_id }, 'the agent of a call could not be looked up')
      return undefined
    })
}

const ownerTimeoutMs = 500
