import {
  ById,
  Detail,
  defineContract,
  event,
  Id,
  managers,
  Name,
  OptionalId,
  operation,
  Page,
  PageQuery,
  resourceFields,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'

const E164 = z.string().regex(/^\+[0-9]{7,15}$/, 'must be E.164, like +15550100000')

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
    tm_purchase: Time.nullable(),
    tm_renew: Time.nullable(),
  })
  .meta({ id: 'Number' })
export type PhoneNumber = z.infer<typeof PhoneNumber>

const FlowIds = z.object({ call_flow_id: OptionalId, message_flow_id: OptionalId })
const Fields = FlowIds.extend({ name: Name.default(''), detail: Detail })

export const numberContract = defineContract({
  name: 'number',
  errors: {
    NUMBER_NOT_FOUND: { status: 'NOT_FOUND', message: 'The number was not found.' },
    NUMBER_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'This number is taken already.' },
    FLOW_NOT_FOUND: { status: 'INVALID_ARGUMENT', message: 'The flow was not found; name one of your own flows.' },
  },
  resources: {
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
          summary: 'Add a number',
          allow: managers,
          input: Fields.extend({ number: E164, type: PhoneNumber.shape.type.default('normal') }),
          output: PhoneNumber,
          errors: ['NUMBER_ALREADY_EXISTS', 'FLOW_NOT_FOUND'],
        }),
        get: operation({
          http: 'GET /numbers/{id}',
          summary: 'Get a number',
          allow: managers,
          input: ById,
          output: PhoneNumber,
          errors: ['NUMBER_NOT_FOUND'],
        }),
        update: operation({
          http: 'PUT /numbers/{id}',
          summary: 'Replace flows, name and detail',
          allow: managers,
          input: ById.extend(Fields.shape),
          output: PhoneNumber,
          errors: ['NUMBER_NOT_FOUND', 'FLOW_NOT_FOUND'],
        }),
        update_flow_ids: operation({
          http: 'PUT /numbers/{id}/flow_ids',
          summary: 'Replace the flows',
          allow: managers,
          input: ById.extend(FlowIds.shape),
          output: PhoneNumber,
          errors: ['NUMBER_NOT_FOUND', 'FLOW_NOT_FOUND'],
        }),
        delete: operation({
          http: 'DELETE /numbers/{id}',
          summary: 'Release a number',
          allow: managers,
          input: ById,
          output: PhoneNumber,
          errors: ['NUMBER_NOT_FOUND'],
        }),
        lookup: operation({
          http: 'GET /numbers/lookup/{number}',
          summary: 'Find the active number that was dialled',
          input: z.object({ number: z.string() }),
          output: PhoneNumber,
          errors: ['NUMBER_NOT_FOUND'],
        }),
      },
      events: {
        created: event(PhoneNumber, 'A number was added'),
        updated: event(PhoneNumber, 'A number was changed'),
        deleted: event(PhoneNumber, 'A number was released'),
      },
    },
  },
})
