import { OptionalId } from '@sidetone/contract'
import { z } from 'zod'
import { ActionInput } from './action.ts'
import { Address, emptyAddress } from './common.ts'

/** Whom to call, as whom, and what to do with who answers. */
export const DialInput = z.object({
  flow_id: OptionalId,
  /** Used when `flow_id` is absent. */
  actions: z.array(ActionInput).min(1).max(1_000).optional(),
  source: Address.default(emptyAddress),
  destinations: z.array(Address).min(1).max(100),
  /** `auto`: as the call that makes it was. */
  anonymous: z.enum(['yes', 'no', 'auto']).default('no'),
  variables: z.record(z.string().max(255), z.string().max(32_768)).default({}),
})

/** Why nothing is dialled. */
export const dialErrorDefinitions = {
  DESTINATION_INVALID: { status: 'INVALID_ARGUMENT', message: 'destinations: none of them can be called.' },
  SOURCE_INVALID: {
    status: 'INVALID_ARGUMENT',
    message:
      'source: must be one of your own active numbers or extensions; or set default_outgoing_source_number_id with PUT /outbound_config.',
  },
  FLOW_NOT_FOUND: { status: 'INVALID_ARGUMENT', message: 'flow_id: the flow was not found.' },
  INVALID_ACTION: { status: 'INVALID_ARGUMENT', message: 'An action is not valid.' },
  INVALID_ACTION_TYPE: { status: 'INVALID_ARGUMENT', message: 'There is no such action type.' },
  INVALID_VARIABLES: { status: 'INVALID_ARGUMENT', message: 'variables: at most 100, 64 KB together.' },
  CUSTOMER_NOT_ACTIVE: { status: 'PERMISSION_DENIED', message: 'The customer is not active.' },
  IDENTITY_VERIFICATION_REQUIRED: {
    status: 'PERMISSION_DENIED',
    message: 'Phone numbers can be called once the operators of this platform have verified who you are.',
  },
  BALANCE_INSUFFICIENT: { status: 'PAYMENT_REQUIRED', message: 'The balance does not cover the call.' },
  COUNTRY_NOT_ALLOWED: {
    status: 'PERMISSION_DENIED',
    message: 'The country of this number is not in destination_whitelist; add it with PUT /outbound_config.',
  },
  DIALROUTE_NOT_FOUND: { status: 'FAILED_PRECONDITION', message: 'No carrier has a route to this number.' },
  CALL_LIMIT_EXCEEDED: { status: 'RESOURCE_EXHAUSTED', message: 'Too many calls at the same time.' },
  CALL_RATE_EXCEEDED: { status: 'RESOURCE_EXHAUSTED', message: 'Too many calls per second.' },
} as const

export const dialErrors = Object.keys(dialErrorDefinitions) as (keyof typeof dialErrorDefinitions)[]
