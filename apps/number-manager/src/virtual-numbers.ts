import { randomInt } from 'node:crypto'
import { everyCustomer } from '@sidetone/contract'
import type { AvailableNumber } from '@sidetone/proto-schemas/number'
import type { Core } from './core.ts'

/** More than are asked for, since some may be taken. */
const candidatesEach = 3

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0')
const candidate = (): string => `+899${padded(randomInt(1, 1_000), 3)}${padded(randomInt(1_000_000), 6)}`

/** Virtual numbers that nobody has, at random. */
export async function freeVirtualNumbers({ store, numbers }: Core, limit: number): Promise<AvailableNumber[]> {
  const candidates = [...new Set(Array.from({ length: limit * candidatesEach }, candidate))]
  const where = { active_number: candidates }
  const taken = new Set(
    (await numbers.list(store, everyCustomer, { where, limit: candidates.length })).map(({ number }) => number),
  )
  return candidates
    .filter((number) => !taken.has(number))
    .slice(0, limit)
    .map((number) => ({ number, country: '', region: '', postal_code: '', features: ['voice', 'sms'] }))
}
