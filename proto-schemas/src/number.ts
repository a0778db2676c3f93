import {
  ById,
  defineContract,
  event,
  Id,
  internal,
  managers,
  Name,
  operation,
  operators,
  Page,
  PageQuery,
  resourceFields,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'
import { AnsweringFields as Fields, numberPatternErrors, numberPatternResource } from './number-pattern.ts'
import { planErrors } from './plan-limit.ts'

export { NumberPattern } from './number-pattern.ts'

const E164 = z.string().regex(/^\+[0-9]{7,15}$/, 'must be E.164, like +15550100000')
const virtualPrefix = '+899'

/** Whether a number leads to the platform itself and to no carrier. */
export const isVirtualNumber = (number: string): boolean => number.startsWith(virtualPrefix)
/** An area from 001 to 999 (000 is kept free) and six digits. */
const isAssignable = (number: string): boolean => /^\+899(?!000)[0-9]{9}$/.test(number)

/** A phone number and what happens when it is called or messaged. */
export const PhoneNumber = z
  .object({
    ...resourceFields,
    number: E164,
    type: z.enum(['normal', 'virtual']),
    call_flow_id: Id,
    message_flow_id: Id,
    name: Name,
    detail: z.string(),
    status: z.enum(['active', 'deleted']),
    t38_enabled: z.boolean(),
    emergency_enabled: z.boolean(),
    metadata: z.object({ rtp_debug: z.boolean() }),
    /** From whom it was bought; empty when it was not. */
    provider_name: internal(z.enum(['', 'telnyx', 'twilio']).default('')),
    tm_purchase: Time.nullable(),
    /** When the month began that is paid; null for a number that was not bought. */
    tm_renew: Time.nullable(),
  })
  .meta({ id: 'Number' })
export type PhoneNumber = z.infer<typeof PhoneNumber>

/** A number that can be bought, or a virtual one that nobody has. */
export const AvailableNumber = z
  .object({
    number: E164,
    /** ISO 3166-1 alpha-2, in upper case; empty for a virtual number. */
    country: z.string(),
    region: z.string(),
    postal_code: z.string(),
    features: z.array(z.enum(['emergency', 'fax', 'mms', 'sms', 'voice'])),
  })
  .meta({ id: 'AvailableNumber' })
export type AvailableNumber = z.infer<typeof AvailableNumber>

const FlowIds = Fields.pick({ call_flow_id: true, message_flow_id: true })
const NumberFields = Fields.extend({ number: E164, type: PhoneNumber.shape.type.default('normal') }).refine(
  ({ number, type }) => (type === 'virtual' ? isAssignable(number) : !isVirtualNumber(number)),
  { path: ['number'], message: 'a virtual number is +899, an area from 001 to 999 and six digits; no other begins so' },
)
const SearchQuery = z
  .object({
    page_size: PageQuery.shape.page_size.default(10),
    country_code: z
      .string()
      .regex(/^[A-Za-z]{2}$/, 'must be two letters, like US')
      .toUpperCase()
      .optional(),
    type: PhoneNumber.shape.type.default('normal'),
  })
  .refine(({ country_code, type }) => type === 'virtual' || country_code !== undefined, {
    path: ['country_code'],
    message: 'is needed for normal numbers; two letters, like US',
  })

const errors = ['NUMBER_NOT_FOUND'] as const
const flowErrors = ['NUMBER_NOT_FOUND', 'FLOW_NOT_FOUND'] as const
const providerErrors = ['NUMBER_PROVIDER_NOT_CONFIGURED', 'NUMBER_PROVIDER_UNAVAILABLE'] as const

export const numberContract = defineContract({
  name: 'number',
  errors: {
    NUMBER_NOT_FOUND: { status: 'NOT_FOUND', message: 'The number was not found.' },
    NUMBER_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'This number is taken already.' },
    NUMBER_NOT_AVAILABLE: {
      status: 'FAILED_PRECONDITION',
      message: 'This number cannot be bought; take one of GET /available_numbers.',
    },
    NUMBER_PROVIDER_NOT_CONFIGURED: {
      status: 'FAILED_PRECONDITION',
      message: 'This platform buys no numbers; take one with type virtual.',
    },
    NUMBER_PROVIDER_UNAVAILABLE: {
      status: 'UNAVAILABLE',
      message: 'The provider of numbers did not answer as it should; what was begun is undone. Try again later.',
    },
    ...planErrors,
    IDENTITY_VERIFICATION_REQUIRED: {
      status: 'PERMISSION_DENIED',
      message: 'Numbers can be bought once the operators of this platform have verified who you are.',
    },
    BALANCE_INSUFFICIENT: { status: 'PAYMENT_REQUIRED', message: 'The balance does not suffice; top it up.' },
    FLOW_NOT_FOUND: { status: 'INVALID_ARGUMENT', message: 'The flow was not found; name one of your own flows.' },
    CUSTOMER_UNKNOWN: { status: 'INVALID_ARGUMENT', message: 'customer_id: there is no such customer.' },
    ...numberPatternErrors,
  },
  resources: {
    available_number: {
      operations: {
        search: operation({
          http: 'GET /available_numbers',
          summary: 'Find numbers that you could add',
          allow: managers,
          input: SearchQuery,
          output: z.object({ result: z.array(AvailableNumber) }),
          errors: providerErrors,
          timeoutMs: 20_000,
        }),
      },
      events: {},
    },
    number: {
      operations: {
        list: operation({
          http: 'GET /numbers',
          summary: 'List numbers',
          allow: managers,
          input: PageQuery,
          output: Page(PhoneNumber),
        }),
        create: operation({
          http: 'POST /numbers',
          summary: 'Buy a number, or take a virtual one',
          allow: managers,
          input: NumberFields,
          output: PhoneNumber,
          errors: [
            'NUMBER_ALREADY_EXISTS',
            'NUMBER_NOT_AVAILABLE',
            'BALANCE_INSUFFICIENT',
            'IDENTITY_VERIFICATION_REQUIRED',
            'RESOURCE_LIMIT_EXCEEDED',
            'FLOW_NOT_FOUND',
            ...providerErrors,
          ],
          timeoutMs: 60_000,
        }),
        register: operation({
          http: 'POST /numbers/register',
          summary: 'Give a customer a number that a carrier sends here already',
          allow: operators,
          input: Fields.extend({ customer_id: Id, number: NumberFields.shape.number }).refine(
            ({ number }) => !isVirtualNumber(number),
            { path: ['number'], message: 'is virtual; the customer can take it without help' },
          ),
          output: PhoneNumber,
          errors: ['NUMBER_ALREADY_EXISTS', 'FLOW_NOT_FOUND', 'CUSTOMER_UNKNOWN'],
        }),
        renew: operation({
          http: 'POST /numbers/renew',
          summary: 'Renew for a month what was last renewed before a time, as is done by itself once the month is over',
          allow: operators,
          input: z.object({ tm_renew: z.iso.datetime({ message: 'must be a time, like 2026-08-22T10:00:00Z' }) }),
          output: z.array(PhoneNumber),
          timeoutMs: 60_000,
        }),
        get: operation({
          http: 'GET /numbers/{id}',
          summary: 'Get a number',
          allow: managers,
          input: ById,
          output: PhoneNumber,
          errors,
        }),
        update: operation({
          http: 'PUT /numbers/{id}',
          summary: 'Replace flows, name and detail',
          allow: managers,
          input: ById.extend(Fields.shape),
          output: PhoneNumber,
          errors: flowErrors,
        }),
        update_flow_ids: operation({
          http: 'PUT /numbers/{id}/flow_ids',
          summary: 'Replace the flows',
          allow: managers,
          input: ById.extend(FlowIds.shape),
          output: PhoneNumber,
          errors: flowErrors,
        }),
        update_metadata: operation({
          http: 'PUT /numbers/{id}/metadata',
          summary: 'Switch the capture of calls to the number on or off',
          allow: managers,
          input: ById.extend({ rtp_debug: z.boolean().default(false) }),
          output: PhoneNumber,
          errors,
        }),
        delete: operation({
          http: 'DELETE /numbers/{id}',
          summary: 'Release a number',
          allow: managers,
          input: ById,
          output: PhoneNumber,
          errors,
        }),
        lookup: operation({
          http: 'GET /numbers/lookup/{number}',
          summary:
            'Find the active number that was dialled, or the pattern that fits it best, as if it were that number',
          input: z.object({ number: z.string() }),
          output: PhoneNumber,
          errors,
        }),
      },
      events: {
        created: event(PhoneNumber, 'A number was added'),
        updated: event(PhoneNumber, 'A number was changed'),
        deleted: event(PhoneNumber, 'A number was released'),
        renewed: event(PhoneNumber.extend({ renewal_id: Id }), 'A number was renewed for a month', { internal: true }),
      },
    },
    number_pattern: numberPatternResource,
  },
})
