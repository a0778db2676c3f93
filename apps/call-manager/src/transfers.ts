import { internalIdentity, nilId } from '@sidetone/contract'
import { type ActionOption, actionOptions, emptyAction } from '@sidetone/proto-schemas/action'
import type { Address } from '@sidetone/proto-schemas/common'
import { planLegs } from './actions/connect-plan.ts'
import { type Connecting, connectingOf, isConnecting, isTransferPending, tellTransferor } from './actions/connecting.ts'
import { type Replacement, withoutLeg } from './actions/transferring.ts'
import { addressOf, e164Of, orUndefined } from './addresses.ts'
import { releaseAll } from './admission.ts'
import type { CallRow } from './call-row.ts'
import type { Change, Core } from './core.ts'
import { dial, insertCalls } from './outgoing.ts'
import { Refusal } from './refusal.ts'

/** Whom a phone wants its call to be put through to, as ARI tells it: somebody new, or whoever it talks to in another call. */
export interface ReferTo {
  requested_destination: { destination: string; protocol_id?: string }
  destination_channel?: { id: string }
}

/** A phone has asked for the call to be put through. */
export interface Referral {
  call_id: string
  refer_to: ReferTo
  asked_at: string
}

/** A phone whose request was left lying for longer is not put through any more: its people have gone on to talk. */
const patienceMs = 60_000

/** Stores what a phone asks for, so that it is answered whatever dies meanwhile. */
export const keepReferral = (core: Core, referral: Referral): Promise<void> =>
  core.store.transaction((tx) =>
    core.jobs.enqueue(tx, 'call.transfer', referral, { serialKey: `transfer:${referral.call_id}` }),
  )

/**
 * A phone asks for its call to be put through (RFC 3515). It may do so when it is one of the customer's own, to whatever it
 * could have dialled itself. May be repeated.
 */
export async function transferCall(core: Core, { call_id, refer_to, asked_at }: Referral): Promise<void> {
  const transferor = await core.calls.find(core.store, '*', call_id)
  if (!transferor || (await isUnderWay(core, transferor))) return // the event has come again
  const { requested_destination, destination_channel } = refer_to
  const { id, customer_id } = transferor
  const decline = (why: string, state: 'channel_declined' | 'channel_unavailable' = 'channel_declined') => {
    core.log.info({ call_id: id, why }, 'a transfer is refused')
    return tellTransferor(core, id, state)
  }
  if (Date.parse(asked_at) < Date.now() - patienceMs) return decline('it comes too late', 'channel_unavailable')
  if (phoneOf(transferor) === undefined) return decline('only phones of the customer may ask for it')
  const transferee = await partnerOf(core, transferor)
  if (!transferee) return decline('the call is with nobody')
  try {
    if (destination_channel) {
      const second = await core.calls.findBy(core.store, customer_id, { channel_id: destination_channel.id })
      const partner = second && phoneOf(second) === phoneOf(transferor) && (await partnerOf(core, second))
      if (!partner || [partner.id, second.id].includes(transferee.id))
        return decline('the other call is with nobody', 'channel_unavailable')
      if (!(await replaceBoth(core, [transferee, partner, second, transferor]))) await decline('a call has ended')
      return
    }
    // Another switch holds the call that is to be replaced.
    if (requested_destination.protocol_id !== undefined)
      return decline('the other call is not here', 'channel_unavailable')
    const destination = await destinationOf(core, customer_id, requested_destination.destination)
    if (!destination) return decline('there is nobody by that name', 'channel_unavailable')
    await tellTransferor(core, id, 'channel_progress')
    if (!(await putThrough(core, transferor, transferee, destination))) await decline('a call has ended')
  } catch (error) {
    if (!(error instanceof Refusal)) core.log.error({ err: error, call_id: id }, 'a transfer failed')
    await decline(error instanceof Refusal ? error.message : String(error))
  }
}

/** The customer's own phone at the other end, by its extension's id. */
function phoneOf(call: CallRow): string | undefined {
  const remote = remoteOf(call)
  return remote.type === 'extension' ? remote.target : undefined
}

/** The call that a call is joined with. */
async function partnerOf({ store, calls }: Core, call: CallRow): Promise<CallRow | undefined> {
  const alive = (found: CallRow | undefined) => (found?.status === 'progressing' ? found : undefined)
  const own = isConnecting(call) ? connectingOf(call).answered_id : ''
  if (own) return alive(await calls.find(store, '*', own))
  const master = alive(await calls.find(store, '*', call.master_call_id))
  return master && isConnecting(master) && connectingOf(master).answered_id === call.id ? master : undefined
}

/** As when the phone dials it: an extension of the customer's, or with a + a number of the world. */
async function destinationOf(core: Core, customer_id: string, dialled: string): Promise<Address | undefined> {
  const identity = internalIdentity(customer_id)
  const found = await orUndefined(core.managers.registrar.extension.by_number({ extension: dialled }, { identity }))
  if (found) return addressOf('extension', found.id, found.extension, found.name)
  const e164 = dialled.startsWith('+') ? e164Of(dialled) : undefined
  return e164 === undefined ? undefined : addressOf('tel', e164)
}

/** The transferee connects to the new destination as by an action of its flow; its present call stays until that answers. */
async function putThrough(
  core: Core,
  transferor: CallRow,
  transferee: CallRow,
  destination: Address,
): Promise<boolean> {
  const option = optionFor(transferee, destination)
  const { legs } = await planLegs(core, asCaller(transferee), option)
  const leg_ids = legs.map(({ id }) => id)
  const changed = await core.change(transferee.id, (row) => {
    if (!isWith(row, transferor)) return undefined
    const change = reconnect(row, option, { leg_ids, transferor_id: transferor.id })
    return { ...change, also: (tx) => insertCalls(core, tx, legs) }
  })
  if (!changed) releaseAll(core, legs)
  else for (const leg of legs) core.inBackground(() => dial(core, leg, changed.asterisk_id))
  return changed !== undefined
}

/**
 * The two whom one phone talks to, by its calls `second` and `transferor`, belong together from now on, in one transaction; a
 * job joins them. False when one of the calls has ended, or goes another way.
 */
async function replaceBoth(core: Core, calls: [CallRow, CallRow, CallRow, CallRow]): Promise<boolean> {
  const [{ id: transferee_id }, { id: partner_id }, { id: second_id }, { id: transferor_id }] = calls
  const ids = [transferee_id, partner_id, second_id, transferor_id] as const
  const changed = await core.changeAll(ids, ([transferee, partner, second, transferor]) => {
    const isLive = second.status === 'progressing' && transferor.status === 'progressing'
    if (!isLive || !isWith(transferee, transferor) || !isWith(partner, second)) return undefined
    const option = optionFor(transferee, remoteOf(partner))
    const replaced = reconnect(transferee, option, {
      ...{ leg_ids: [partner_id], answered_id: partner_id },
      ...{ transferor_id, before: null },
    })
    const left = [transferee, partner, second, transferor].filter(isConnecting)
    const job: Replacement = {
      ...{ transferee_id, transferor_id, call_ids: [transferor_id, second_id] },
      asterisk_id: transferee.asterisk_id,
      turn: replaced.call.turn,
      bridge_ids: left.map((call) => connectingOf(call).bridge_id),
    }
    return [
      { ...replaced, also: (tx) => core.jobs.enqueue(tx, 'call.replace', job) },
      { call: { ...partner, phase: 'idle', master_call_id: transferee_id, state: {} }, events: ['updated'] },
      { call: withoutLeg(second, partner_id) },
      { call: transferor },
    ]
  })
  return changed !== undefined
}

/** Whether somebody is being, or has been, put through by this call. */
async function isUnderWay({ store, calls }: Core, call: CallRow): Promise<boolean> {
  const others = [call.master_call_id, ...call.chained_call_ids]
  const found = await Promise.all(others.map((other) => calls.find(store, '*', other)))
  return found.some((row) => row && isConnecting(row) && connectingOf(row).transferor_id === call.id)
}

/** Still in that call, and not being put through already. */
function isWith(row: CallRow, transferor: CallRow): boolean {
  if (row.status !== 'progressing') return false
  if (row.phase === 'idle') return row.master_call_id === transferor.id
  const connecting = connectingOf(row)
  if (!isConnecting(row) || isTransferPending(connecting)) return false
  return connecting.answered_id === transferor.id || row.master_call_id === transferor.id
}

/** A call that runs a flow goes on as if its action had named that destination; one that was dialled ends with it. */
function optionFor(transferee: CallRow, destination: Address): ActionOption<'connect'> {
  const isDialled = !isConnecting(transferee) || transferee.activeflow_id === nilId
  const given = isDialled ? { relay_reason: true } : transferee.action.option
  return actionOptions.connect.parse({ ...given, early_media: false, destinations: [destination] })
}

function reconnect(row: CallRow, option: ActionOption<'connect'>, connecting: Partial<Connecting>): Change {
  const { id, action } = row
  const turn = row.turn + 1
  const state = connectingOf(row)
  const before = state.answered_id ? { action, state } : null
  const now = { bridge_id: `bridge-${id}-${turn}`, before, ...connecting }
  const chained_call_ids = [...new Set([...row.chained_call_ids, ...(connecting.leg_ids ?? [])])]
  return {
    call: {
      ...row,
      turn,
      chained_call_ids,
      phase: 'running',
      action: { ...(action.type === 'connect' ? action : emptyAction), type: 'connect', option },
      state: now,
    },
    events: ['updated'],
  }
}

const remoteOf = ({ direction, source, destination }: CallRow): Address =>
  direction === 'incoming' ? source : destination

/** Whom the new destination sees calling: the one who is put through. */
const asCaller = (transferee: CallRow): CallRow => ({ ...transferee, source: remoteOf(transferee) })
