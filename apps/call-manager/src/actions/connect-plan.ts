import type { ActionOption } from '@sidetone/proto-schemas/action'
import type { Address } from '@sidetone/proto-schemas/common'
import { admitted, releaseAll } from '../admission.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { settled } from '../dial-plan.ts'
import { agentOf, type Dialable, type Dialler, dialableOf, diallerOf, isAnonymous, isOwnSource } from '../dialler.ts'
import { type LegRow, newLeg } from '../outgoing.ts'
import { Refusal } from '../refusal.ts'
import { currentOf } from './index.ts'

/** Phones of an agent that ring one after the other. */
export interface Queue {
  /** The leg that rings before them; empty: the first of them is to be dialled now. */
  after: string
  addresses: Address[]
}

/** Whom to dial, and whom when that one does not answer. */
interface Turn {
  dialable: Dialable
  addresses: Address[]
}

/** A leg for each destination that can be dialled, an agent's addresses by its `ring_method`; throws a `Refusal` when there is none. */
export async function planLegs(core: Core, call: CallRow, option: ActionOption<'connect'>) {
  const dialler = await diallerFor(core, call, option)
  const plan = async (address: Address): Promise<Turn[]> => {
    if (address.type !== 'agent') return [{ dialable: await dialableOf(core, dialler, address), addresses: [] }]
    const { addresses, ring_method } = await agentOf(core, call.customer_id, address.target)
    if (ring_method === 'linear') return [await firstOf(core, dialler, addresses)]
    const dialables = await settled(addresses, (one) => dialableOf(core, dialler, one))
    return dialables.map((dialable) => ({ dialable, addresses: [] }))
  }
  const turns = (await settled(option.destinations, plan)).flat()
  const legs = await Promise.all(turns.map(({ dialable }) => legFor(core, call, option, dialable)))
  const queues = turns
    .map(({ addresses }, index): Queue => ({ after: legs[index]!.id, addresses }))
    .filter(({ addresses }) => addresses.length > 0)
  return admitted(core, legs, async () => ({ legs, queues }))
}

/** Dials the next phone of an agent whose phones ring one after the other. May be repeated. */
export async function dialNextPhone(core: Core, { call_id, turn }: { call_id: string; turn: number }): Promise<void> {
  const call = await core.calls.find(core.store, '*', call_id)
  const waiting = (call?.state as { queues?: Queue[] } | undefined)?.queues?.find(({ after }) => after === '')
  if (!call || !waiting || call.turn !== turn || call.phase !== 'running') return
  const current = currentOf(call)
  if (typeof current === 'string') return
  const tell = (leg: LegRow | undefined, addresses: Address[]) =>
    core.signal(call_id, { type: 'next_leg', leg, addresses }, turn)
  const option = current.option as ActionOption<'connect'>
  let leg: LegRow | undefined
  try {
    const { dialable, addresses } = await firstOf(core, await diallerFor(core, call, option), waiting.addresses)
    const made = await legFor(core, call, option, dialable)
    leg = await admitted(core, [made], async () => made)
    if (await tell(leg, addresses)) return
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await tell(undefined, [])
  }
  if (leg) releaseAll(core, [leg])
}

/** The first that can be dialled. Throws the last `Refusal` when there is none. */
async function firstOf(core: Core, dialler: Dialler, addresses: Address[]): Promise<Turn> {
  let refusal = new Refusal('DESTINATION_INVALID')
  for (const [index, address] of addresses.entries()) {
    try {
      return { dialable: await dialableOf(core, dialler, address), addresses: addresses.slice(index + 1) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refusal = error
    }
  }
  throw refusal
}

const legFor = (core: Core, call: CallRow, option: ActionOption<'connect'>, dialable: Dialable): Promise<LegRow> =>
  newLeg(core, {
    ...dialable,
    customer_id: call.customer_id,
    master_call_id: call.id,
    anonymous: isAnonymous(option.anonymous, call),
    early_media: option.early_media,
  })

async function diallerFor(core: Core, call: CallRow, option: ActionOption<'connect'>): Promise<Dialler> {
  const source = await sourceOf(core, call, option)
  const anonymous = isAnonymous(option.anonymous, call)
  return diallerOf(core, { customer_id: call.customer_id, ...source, anonymous, route_provider_ids: [] })
}

/** The phones show who calls, unless the flow names an address that the customer owns. */
async function sourceOf(core: Core, call: CallRow, { source }: ActionOption<'connect'>) {
  if (source.type !== '' && (await isOwnSource(core, call.customer_id, source))) return { source, isCaller: false }
  return { source: call.source, isCaller: true }
}
