import type { Jobs } from '@sidetone/jobs'
import { type Reaction, react } from '@sidetone/manager'
import { type Call, callContract } from '@sidetone/proto-schemas/call'
import type { Address } from '@sidetone/proto-schemas/common'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { numberContract, type PhoneNumber } from '@sidetone/proto-schemas/number'
import type { createClosing } from './closing.ts'
import { minutes, secondsBetween } from './cost.ts'
import type { LedgerBooks } from './ledger.ts'
import { enqueueCancellations } from './payments/cancel-subscription.ts'
import type { createUsage, Used } from './usage.ts'

interface Dependencies {
  ledger: LedgerBooks
  usage: ReturnType<typeof createUsage>
  close: ReturnType<typeof createClosing>['close']
  jobs: Jobs
}

const none = { destination: '', direction: 'outgoing' } as const

/** A number, paid for its first month or for another. */
const pieceOf = (
  type: 'number' | 'number_renew',
  reference_id: string,
  { customer_id, number, tm_renew }: Pick<PhoneNumber, 'customer_id' | 'number' | 'tm_renew'>,
): Used => ({
  customer_id,
  reference_types: [type],
  reference_id,
  number: { ...none, destination: number },
  units: 1,
  duration: 0,
  start: tm_renew,
  end: tm_renew,
})

type Called = Pick<Address, 'type' | 'target'>

const numberOf = ({ type, target }: Called): string => (type === 'tel' ? target : '')

/** What comes in and costs something was reserved before it was a call: nothing else says whether a carrier brought it. */
const unreservedNumberOf = ({ direction, destination }: Pick<Call, 'direction'> & { destination: Called }) =>
  direction === 'incoming' ? none : { destination: numberOf(destination), direction }

/** What customers use and are: each event takes effect once, in one transaction. */
export function reactionsOf({ ledger, usage, close, jobs }: Dependencies): Reaction[] {
  const { settle } = usage
  return [
    react(customerContract, 'customer', 'created', async (tx, customer) => void (await ledger.open(tx, customer.id))),

    react(customerContract, 'customer', 'frozen', (tx, { id }) => ledger.freeze(tx, id, true)),
    react(customerContract, 'customer', 'recovered', (tx, { id }) => ledger.freeze(tx, id, false)),

    react(customerContract, 'customer', 'deleted', async (tx, customer) => {
      const closing = await close(tx, customer.id)
      if (closing) await enqueueCancellations(tx, jobs, closing)
    }),

    react(callContract, 'call', 'hangup', (tx, call) => {
      const { tm_progressing: start, tm_hangup: end } = call
      const duration = start && end ? secondsBetween(start, end) : 0
      return settle(tx, {
        customer_id: call.customer_id,
        reference_types: ['call', 'call_extension'],
        reference_id: call.id,
        number: unreservedNumberOf(call),
        units: minutes(duration),
        duration,
        start,
        end,
      })
    }),

    react(callContract, 'recording', 'finished', (tx, { id, customer_id, tm_start: start, tm_end: end, filesize }) => {
      // Without a file nothing was recorded: its node has died.
      const duration = start && end && filesize !== 0 ? secondsBetween(start, end) : 0
      return settle(tx, {
        customer_id,
        reference_types: ['recording'],
        reference_id: id,
        number: none,
        units: minutes(duration),
        duration,
        start,
        end,
      })
    }),

    react(numberContract, 'number', 'created', async (tx, number) => {
      // Others are the platform's own, or are there without having been bought.
      if (number.provider_name) await settle(tx, pieceOf('number', number.id, number))
    }),

    react(numberContract, 'number', 'renewed', (tx, number) =>
      settle(tx, pieceOf('number_renew', number.renewal_id, number)),
    ),
  ]
}
