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

/** Whether the caller does not want to be known. */
export const isWithheld = (number: string): boolean => number === '' || number.toLowerCase() === 'anonymous'

/** Who calls, from what the RTC node knows. */
export function remoteAddress(number: string, name: string, host: string): Address {
  const e164 = e164Of(number)
  if (e164) return addressOf('tel', e164, '', name)
  return addressOf('sip', isWithheld(number) ? 'anonymous@anonymous.invalid' : `${number}@${host}`, '', name)
}

/** What the phone that we call shows: `"name" <user>`. */
export function callerIdOf({ type, target, target_name, name }: Address, anonymous: boolean): string {
  if (anonymous) return '"Anonymous" <anonymous>'
  const user = type === 'extension' ? target_name : type === 'sip' ? target.slice(0, target.indexOf('@')) : target
  const clean = (text: string) => text.replace(/["<>\\\p{Cc}]/gu, '')
  return `"${clean(name || user)}" <${clean(user) || 'anonymous'}>`
}

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

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
