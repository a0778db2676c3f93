import type { Billing, CostType } from '@sidetone/proto-schemas/billing'
import { isVirtualNumber } from '@sidetone/proto-schemas/number'

/** What is free to be spent, or has been. Credit is in micros. */
export interface Amounts {
  token: number
  credit: number
}

export type Price = Pick<Billing, 'rate_token_per_unit' | 'rate_credit_per_unit'>

export const freeOfCharge: Price = { rate_token_per_unit: 0, rate_credit_per_unit: 0 }

/** As many of the units as can be paid: with tokens first, where the price knows any, then with credit. */
export function payable(
  units: number,
  { rate_token_per_unit: token, rate_credit_per_unit: credit }: Price,
  available: Amounts,
): Amounts & { units: number } {
  const byToken = token > 0 ? Math.min(units, Math.floor(available.token / token)) : 0
  const rest = units - byToken
  const byCredit = credit > 0 ? Math.min(rest, Math.floor(available.credit / credit)) : token > 0 ? 0 : rest
  return { units: byToken + byCredit, token: byToken * token, credit: byCredit * credit }
}

/** What units that have been used cost; what the balances do not suffice for stays uncollected. */
export function charge(units: number, price: Price, available: Amounts): Amounts & { uncollected: number } {
  const paid = payable(units, price, available)
  const owed = (units - paid.units) * price.rate_credit_per_unit
  const collected = Math.min(owed, available.credit - paid.credit)
  return { token: paid.token, credit: paid.credit + collected, uncollected: owed - collected }
}

/** What a rate is looked up by. The destination is in E.164, or empty. */
export interface Usage {
  reference_type: string
  destination: string
  direction: 'incoming' | 'outgoing'
}

const isNumber = (text: string): boolean => /^\+[0-9]+$/.test(text)

export function costTypeOf({ reference_type, destination, direction }: Usage): CostType {
  if (reference_type === 'speaking') return 'tts'
  if (reference_type !== 'call') return reference_type as CostType
  if (!isNumber(destination)) return 'call_extension'
  if (direction === 'outgoing') return 'call_pstn_outgoing'
  return isVirtualNumber(destination) ? 'call_vn' : 'call_pstn_incoming'
}

const timed = new Set(['call', 'call_extension', 'speaking', 'recording'])

/** Whether it is paid by the minute; otherwise by the piece. */
export const isTimed = (reference_type: string): boolean => timed.has(reference_type)

/** Started minutes. */
export const minutes = (seconds: number): number => Math.ceil(seconds / 60)

/** Whole seconds between two times, and at least one: what lasted at all began its first minute. */
export const secondsBetween = (start: string, end: string): number =>
  Math.max(1, Math.floor((Date.parse(end) - Date.parse(start)) / 1_000))
