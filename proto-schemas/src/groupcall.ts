import { ById, event, Id, managers, operation, Page, PageQuery, resourceFields } from '@sidetone/contract'
import { z } from 'zod'
import { Address, ownerFields } from './common.ts'
import { DialInput, dialErrors } from './dial.ts'

const RingMethod = z.enum(['', 'ring_all', 'linear'])
const AnswerMethod = z.enum(['', 'hangup_others'])

/** Several phones that are called for one conversation: all at once, or one after the other. */
export const Groupcall = z
  .object({
    ...resourceFields,
    ...ownerFields,
    status: z.enum(['progressing', 'hangingup', 'hangup']),
    flow_id: Id,
    source: Address,
    destinations: z.array(Address),
    /** The call that made it; its legs end with that call. */
    master_call_id: Id,
    /** The groupcall that it is a part of: an agent's addresses are one. */
    master_groupcall_id: Id,
    ring_method: RingMethod,
    /** `hangup_others`: the first who answers is the only one. Empty: everyone who answers stays. */
    answer_method: AnswerMethod,
    answer_call_id: Id,
    call_ids: z.array(Id),
    answer_groupcall_id: Id,
    groupcall_ids: z.array(Id),
    /** How many of them have not ended. */
    call_count: z.int(),
    groupcall_count: z.int(),
    /** `linear`: the destination that is being called. */
    dial_index: z.int(),
  })
  .meta({ id: 'Groupcall' })
export type Groupcall = z.infer<typeof Groupcall>

export const groupcallErrors = {
  GROUPCALL_NOT_FOUND: { status: 'NOT_FOUND', message: 'The groupcall was not found.' },
  GROUPCALL_ALREADY_HANGUP: { status: 'FAILED_PRECONDITION', message: 'The groupcall has ended already.' },
} as const

const notFound = ['GROUPCALL_NOT_FOUND'] as const

export const groupcallResource = {
  operations: {
    list: operation({
      http: 'GET /groupcalls',
      summary: 'List groupcalls',
      allow: managers,
      input: PageQuery,
      output: Page(Groupcall),
    }),
    create: operation({
      http: 'POST /groupcalls',
      summary: 'Call several phones and run a flow on whoever answers',
      allow: managers,
      input: DialInput.extend({ ring_method: RingMethod, answer_method: AnswerMethod }),
      output: Groupcall,
      errors: dialErrors,
      timeoutMs: 15_000,
    }),
    get: operation({
      http: 'GET /groupcalls/{id}',
      summary: 'Get a groupcall',
      allow: managers,
      input: ById,
      output: Groupcall,
      errors: notFound,
    }),
    delete: operation({
      http: 'DELETE /groupcalls/{id}',
      summary: 'Hang up, if need be, and delete',
      allow: managers,
      input: ById,
      output: Groupcall,
      errors: notFound,
    }),
    hangup: operation({
      http: 'POST /groupcalls/{id}/hangup',
      summary: 'Hang up every call of it',
      allow: managers,
      input: ById,
      output: Groupcall,
      errors: ['GROUPCALL_NOT_FOUND', 'GROUPCALL_ALREADY_HANGUP'],
    }),
  },
  events: {
    created: event(Groupcall, 'A groupcall began to ring'),
    progressing: event(Groupcall, 'Somebody answered'),
    hangup: event(Groupcall, 'Every call of it has ended'),
    deleted: event(Groupcall, 'A groupcall was deleted'),
  },
}
