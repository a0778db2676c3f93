import { everyCustomer, type Handlers } from '@sidetone/contract'
import { crud } from '@sidetone/manager'
import type { NumberPattern, numberContract } from '@sidetone/proto-schemas/number'
import { DuplicateError } from '@sidetone/store'
import type { Core, PatternRow } from './core.ts'
import { checkCustomer, checkFlows } from './owner.ts'
import { fits, type Meaning, meaningOf } from './pattern-language.ts'

/** The pattern that a number belongs to, as `NumberPattern` says. */
export async function bestPattern({ store, patterns }: Core, number: string): Promise<PatternRow | undefined> {
  if (!/^\+[0-9]{7,15}$/.test(number)) return undefined
  const beginnings = Array.from({ length: number.length + 1 }, (_, length) => number.slice(0, length))
  const rows = await patterns.select(store, everyCustomer).selectAll().where('prefix', 'in', beginnings).execute()
  const fitting = rows.map(patterns.decode).filter((pattern) => fits(pattern, number))
  return fitting.sort(byPrecedence)[0]
}

const byPrecedence = (a: PatternRow, b: PatternRow): number =>
  b.prefix.length - a.prefix.length ||
  b.digits - a.digits ||
  (a.tm_create < b.tm_create || (a.tm_create === b.tm_create && a.id < b.id) ? -1 : 1)

/** The operations on number patterns. */
export function patternHandlers(core: Core): Handlers<typeof numberContract>['number_pattern'] {
  const { store, emit, patterns } = core
  const kept = crud({
    store,
    table: patterns,
    notFound: 'NUMBER_PATTERN_NOT_FOUND',
    announce: (tx, event, row) => emit(tx, 'number_pattern', event, row),
  })

  function understood(
    fields: Pick<NumberPattern, 'type' | 'pattern'>,
    fail: (
      reason: 'NUMBER_PATTERN_INVALID',
      overrides: { message: string; details: { field: string; problem: string }[] },
    ) => Error,
  ): Meaning {
    try {
      return meaningOf(fields)
    } catch (error) {
      const problem = (error as Error).message
      const details = [{ field: 'pattern', problem }]
      throw fail('NUMBER_PATTERN_INVALID', { message: `pattern: ${problem}`, details })
    }
  }

  return {
    ...kept,

    list: (query, { scope }) => patterns.page(store, scope, query),

    async create({ customer_id, ...fields }, { fail }) {
      const meaning = understood(fields, fail)
      await checkCustomer(core, customer_id, fail)
      await checkFlows(core, customer_id, fields, fail)
      const row = { ...fields, ...meaning, active_pattern: `${fields.type}:${fields.pattern}` }
      return kept.create(row, { customer_id }).catch((error: unknown) => {
        throw error instanceof DuplicateError ? fail('NUMBER_PATTERN_ALREADY_EXISTS') : error
      })
    },

    async update(input, context) {
      const { customer_id } = await kept.get(input, context)
      await checkFlows(core, customer_id, input, context.fail)
      return kept.update(input, context)
    },

    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        await patterns.update(tx, scope, id, { active_pattern: null })
        const pattern = await patterns.softDelete(tx, scope, id)
        if (!pattern) throw fail('NUMBER_PATTERN_NOT_FOUND')
        await emit(tx, 'number_pattern', 'deleted', pattern)
        return pattern
      }),
  }
}
