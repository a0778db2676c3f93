import type { ActionOption } from '@sidetone/proto-schemas/action'
import { type Variables, variableOf } from './substitute.ts'

export const digitsVariable = 'voipbin.call.digits'

const comparisons = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
} satisfies Record<string, <T extends string | number>(a: T, b: T) => boolean>

export function variableHolds({
  condition,
  variable,
  value_type,
  ...values
}: ActionOption<'condition_variable'>): boolean {
  const compare: (a: string | number, b: string | number) => boolean = comparisons[condition]
  if (value_type === 'string') return compare(variable, values.value_string)
  if (value_type === 'length') return compare(Array.from(variable).length, values.value_length)
  // Number('') is 0; a text that is no number is unequal to every number, and neither above nor below it.
  return compare(variable.trim() === '' ? Number.NaN : Number(variable), values.value_number)
}

export function digitsHold({ length, key }: ActionOption<'condition_call_digits'>, variables: Variables): boolean {
  const digits = variableOf(variables, digitsVariable)
  return (length > 0 && digits.length >= length) || Array.from(key).some((digit) => digits.includes(digit))
}

/** `now` is RFC 3339; the parts that the option names are compared as one time of its time zone. */
export function timeHolds(option: ActionOption<'condition_datetime'>, now: string): boolean {
  const { condition, weekdays } = option
  const local = localTime(now, option.timezone)
  if (weekdays.length > 0 && !weekdays.includes(local.weekday)) return false
  const parts = (['month', 'day', 'hour', 'minute'] as const).filter(
    (part) => option[part] > 0 || (option[part] === 0 && (part === 'hour' || part === 'minute')),
  )
  const different = parts.find((part) => local[part] !== option[part])
  const order = different === undefined ? 0 : local[different] - option[different]
  return parts.length === 0 || (comparisons[condition] as (a: number, b: number) => boolean)(order, 0)
}

function localTime(now: string, timeZone: string) {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', weekday: 'short' },
    ...{ month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
  })
  const parts = Object.fromEntries(format.formatToParts(new Date(now)).map(({ type, value }) => [type, value]))
  return {
    weekday: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(parts.weekday!),
    month: Number(parts.month),
    day: Number(parts.day),
    hour: Number(parts.hour),
    minute: Number(parts.minute),
  }
}
