import {
  ById,
  Detail,
  event,
  Id,
  managers,
  Name,
  OptionalId,
  operation,
  operators,
  Page,
  PageQuery,
  resourceFields,
} from '@sidetone/contract'
import { z } from 'zod'

/**
 * Many numbers that one flow answers, such as a block that a carrier sends here. A number itself wins over patterns; of these
 * the one wins that fixes the most digits at the beginning, then the one with the most digits in all, then the older one.
 */
export const NumberPattern = z
  .object({
    ...resourceFields,
    /** `wildcard`: `?` is any digit, and a `*` at the end any number of them. `regex`: RE2 syntax, for the whole number. */
    type: z.enum(['wildcard', 'regex']),
    pattern: z.string().min(1).max(128),
    call_flow_id: Id,
    message_flow_id: Id,
    name: Name,
    detail: z.string(),
  })
  .meta({ id: 'NumberPattern' })
export type NumberPattern = z.infer<typeof NumberPattern>

/** What numbers and patterns have in common. */
export const AnsweringFields = z.object({
  call_flow_id: OptionalId,
  message_flow_id: OptionalId,
  name: Name.default(''),
  detail: Detail,
})

const patternErrors = ['NUMBER_PATTERN_NOT_FOUND'] as const

export const numberPatternErrors = {
  NUMBER_PATTERN_NOT_FOUND: { status: 'NOT_FOUND', message: 'The number pattern was not found.' },
  NUMBER_PATTERN_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'There is this pattern already.' },
  NUMBER_PATTERN_INVALID: { status: 'INVALID_ARGUMENT', message: 'pattern: is not valid.' },
} as const

/** Made by operators, since a pattern takes numbers that others may have hoped for. */
export const numberPatternResource = {
  operations: {
    list: operation({
      http: 'GET /number_patterns',
      summary: 'List your number patterns; operators see those of all customers',
      allow: managers,
      input: PageQuery,
      output: Page(NumberPattern),
    }),
    create: operation({
      http: 'POST /number_patterns',
      summary: 'Give a customer all numbers that fit a pattern',
      allow: operators,
      input: AnsweringFields.extend({
        customer_id: Id,
        type: NumberPattern.shape.type.default('wildcard'),
        pattern: NumberPattern.shape.pattern,
      }),
      output: NumberPattern,
      errors: ['NUMBER_PATTERN_ALREADY_EXISTS', 'NUMBER_PATTERN_INVALID', 'FLOW_NOT_FOUND', 'CUSTOMER_UNKNOWN'],
    }),
    get: operation({
      http: 'GET /number_patterns/{id}',
      summary: 'Get a number pattern',
      allow: managers,
      input: ById,
      output: NumberPattern,
      errors: patternErrors,
    }),
    update: operation({
      http: 'PUT /number_patterns/{id}',
      summary: 'Replace flows, name and detail',
      allow: managers,
      input: ById.extend(AnsweringFields.shape),
      output: NumberPattern,
      errors: ['NUMBER_PATTERN_NOT_FOUND', 'FLOW_NOT_FOUND'],
    }),
    delete: operation({
      http: 'DELETE /number_patterns/{id}',
      summary: 'Take the numbers of a pattern away',
      allow: operators,
      input: ById,
      output: NumberPattern,
      errors: patternErrors,
    }),
  },
  events: {
    created: event(NumberPattern, 'A number pattern was added', { internal: true }),
    updated: event(NumberPattern, 'A number pattern was changed', { internal: true }),
    deleted: event(NumberPattern, 'A number pattern was deleted', { internal: true }),
  },
}
