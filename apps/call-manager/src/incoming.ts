import { internalIdentity, nilId } from '@sidetone/contract'
import type { Address } from '@sidetone/proto-schemas/common'
import type { Direct } from '@sidetone/proto-schemas/direct'
import { isVirtualNumber } from '@sidetone/proto-schemas/number'
import { DuplicateError, type NewRow, newId } from '@sidetone/store'
import { addressOf, e164Of, isWithheld, orUndefined, ownerOf, remoteAddress } from './addresses.ts'
import { releaseAll, reserve } from './admission.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { enter } from './flow-loop.ts'
import { checkLimits } from './limits.ts'
import { insertCalls, newCall } from './outgoing.ts'
import { Refusal } from './refusal.ts'

/** A channel as ARI describes it in its events. */
export interface AriChannel {
  id: string
  state: string
  caller?: { name: string; number: string }
  dialplan?: { exten: string }
}

/** What the edge found out about an INVITE: the `key=value` arguments of the Stasis application. */
export type StasisArgs = Record<string, string>

export const stasisArgsOf = (args: string[] = []): StasisArgs =>
  Object.fromEntries(args.map((arg) => [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)]))

interface Target {
  customer_id: string
  source: Address
  destination: Address
  flow_id: string
  actions: Record<string, unknown>[]
  /** It comes from a carrier, or to a virtual number. */
  costs?: boolean
}

/** Q.850 causes for what is refused; the edge answers 404, 403 and 503. */
const refusals = { notFound: 1, forbidden: 21, unavailable: 42 } as const

/** A call has come in. A repeat of the event changes nothing. */
export async function receiveCall(
  core: Core,
  asterisk_id: string,
  channel: AriChannel,
  args: StasisArgs,
): Promise<void> {
  if (await core.calls.findBy(core.store, '*', { asterisk_id, channel_id: channel.id })) return
  const target = await targetOf(core, channel, args).catch((err: unknown) => {
    core.log.error({ err, channel_id: channel.id }, 'an incoming call could not be routed')
    return refusals.unavailable
  })
  if (typeof target === 'number') {
    core.log.info({ channel_id: channel.id, source: args.source, cause: target }, 'an incoming call was refused')
    await core.ari(asterisk_id).hangUp(channel.id, target)
    return
  }
  const { costs, ...fields } = target
  const id = newId()
  const owner = await ownerOf(core, target.customer_id, target.source)
  const row = {
    ...newCall,
    ...fields,
    anonymous: isWithheld(channel.caller?.number ?? ''),
    ...enter('starting'),
    id,
    ...(owner && { owner_type: 'agent' as const, owner_id: owner }),
    activeflow_id: newId(),
    asterisk_id,
    channel_id: channel.id,
    direction: 'incoming' as const,
    status: 'ringing' as const,
  }
  const refused = await admitIncoming(core, row, costs)
  if (refused === undefined) return core.drive(id)
  if (refused === 'known') return
  await core.ari(asterisk_id).hangUp(channel.id, refused)
}

/** Stores the call once it may be and its beginning is paid for. Else the cause; `known` when another handles the same event. */
async function admitIncoming(
  core: Core,
  row: NewRow<CallRow> & { id: string },
  costs: boolean | undefined,
): Promise<number | 'known' | undefined> {
  const { store, log } = core
  let covered_seconds: number | null
  try {
    await checkLimits(core, store, [row])
    covered_seconds = costs ? await reserve(core, row) : null
  } catch (err) {
    return refuse(err)
  }
  try {
    await store.transaction((tx) => insertCalls(core, tx, [{ ...row, covered_seconds }]))
    return undefined
  } catch (err) {
    // Perhaps it is stored: then the money must stay, and the event, which comes again, finds the call.
    if (!(err instanceof DuplicateError || err instanceof Refusal)) throw err
    if (costs) releaseAll(core, [row])
    return err instanceof DuplicateError ? 'known' : refuse(err)
  }

  function refuse(err: unknown): number {
    const poor = err instanceof Refusal && err.reason === 'BALANCE_INSUFFICIENT'
    if (err instanceof Refusal) log.info({ call_id: row.id, reason: err.reason }, 'an incoming call was refused')
    else log.error({ err, call_id: row.id }, 'whether an incoming call can be paid for could not be asked')
    return poor ? refusals.forbidden : refusals.unavailable
  }
}

/** Whose call it is and what runs, or the cause for which it is refused. */
async function targetOf(core: Core, channel: AriChannel, args: StasisArgs): Promise<Target | number> {
  const dialled = channel.dialplan?.exten ?? ''
  const isTrunk = args.domain?.toLowerCase().endsWith(`.trunk.${core.settings.SIP_BASE_DOMAIN.toLowerCase()}`)
  const target = !args.customer_id
    ? await fromCarrier(core, channel, args, dialled)
    : isTrunk
      ? await fromTrunk(core, channel, args, dialled)
      : await fromExtension(core, args, dialled)
  if (typeof target === 'number') return target
  const { customer_id } = target
  const customer = await orUndefined(
    core.managers.customer.customer.get({ id: customer_id }, { identity: internalIdentity() }),
  )
  return customer?.status === 'active' || customer?.status === 'initial' ? target : refusals.forbidden
}

async function fromCarrier(
  core: Core,
  { caller }: AriChannel,
  args: StasisArgs,
  dialled: string,
): Promise<Target | number> {
  const source = remoteAddress(caller?.number ?? '', caller?.name ?? '', args.source || 'unknown.invalid')
  const target = dialled.startsWith('direct.')
    ? await toDirect(core, source, dialled)
    : await toNumber(core, source, dialled)
  return typeof target === 'number' ? target : { ...target, costs: true }
}

/** Another extension of the same customer, any number of the platform, or with a + any number of the world. */
async function fromExtension(core: Core, args: StasisArgs, dialled: string): Promise<Target | number> {
  const { customer_id = nilId, username = '' } = args
  const { extension } = core.managers.registrar
  const identity = internalIdentity(customer_id)
  const byNumber = (number: string) => orUndefined(extension.by_number({ extension: number }, { identity }))
  const [caller, called] = await Promise.all([byNumber(username), dialled ? byNumber(dialled) : undefined])
  if (!caller) return refusals.forbidden
  const source = addressOf('extension', caller.id, caller.extension, caller.name)
  if (called) {
    const destination = addressOf('extension', called.id, called.extension, called.name)
    const actions = [
      { type: 'connect', option: { destinations: [addressOf('extension', called.id, called.extension)] } },
    ]
    return { customer_id, source, destination, flow_id: nilId, actions }
  }
  const target = dialled.startsWith('direct.')
    ? await toDirect(core, source, dialled)
    : await toNumber(core, source, dialled)
  if (target === refusals.notFound && dialled.startsWith('+') && e164Of(dialled)) {
    return toWorld(customer_id, source, dialled)
  }
  if (typeof target === 'number' || target.customer_id === customer_id) return target
  // Another customer has no business with our ids.
  return {
    ...target,
    source: addressOf('sip', `${caller.extension}@${args.domain || 'unknown.invalid'}`, '', caller.name),
  }
}

/** Whatever a trunk dials is a phone number, of the platform or of the world. */
async function fromTrunk(core: Core, { caller }: AriChannel, args: StasisArgs, dialled: string) {
  const e164 = e164Of(dialled)
  if (!e164) return refusals.notFound
  const source = remoteAddress(caller?.number ?? '', caller?.name ?? '', args.source || 'unknown.invalid')
  const target = await toNumber(core, source, e164)
  return target === refusals.notFound ? toWorld(args.customer_id!, source, e164) : target
}

function toWorld(customer_id: string, source: Address, e164: string): Target {
  const destination = addressOf('tel', e164)
  const option = { destinations: [destination], early_media: true, relay_reason: true }
  return { customer_id, source, destination, flow_id: nilId, actions: [{ type: 'connect', option }] }
}

async function toNumber(core: Core, source: Address, dialled: string): Promise<Target | number> {
  const e164 = e164Of(dialled)
  const { number } = core.managers.number
  const found = e164 && (await orUndefined(number.lookup({ number: e164 }, { identity: internalIdentity() })))
  if (!found || found.call_flow_id === nilId) return refusals.notFound
  const { customer_id, call_flow_id: flow_id, name } = found
  const destination = addressOf('tel', found.number, '', name)
  return { customer_id, source, destination, flow_id, actions: [], costs: isVirtualNumber(found.number) }
}

/** What somebody reaches who was given a direct hash. */
async function toDirect(core: Core, source: Address, dialled: string): Promise<Target | number> {
  const identity = internalIdentity()
  const direct = await orUndefined(core.managers.direct.direct.get_by_hash({ hash: dialled }, { identity }))
  const reach = direct && directActions[direct.resource_type]
  if (!direct || !reach) return refusals.notFound
  const { customer_id, resource_id: id } = direct
  const isFlow = direct.resource_type === 'flow'
  const destination = addressOf('sip', `${dialled}@sip.${core.settings.SIP_BASE_DOMAIN}`)
  return { customer_id, source, destination, flow_id: isFlow ? id : nilId, actions: reach(id) }
}

const answer = { type: 'answer' }
const connectTo = (type: 'agent' | 'extension') => (target: string) => [
  { type: 'connect', option: { destinations: [{ type, target }], early_media: true, relay_reason: true } },
]
const talkTo = (assistance_type: 'ai' | 'team') => (assistance_id: string) => [
  answer,
  { type: 'ai_talk', option: { assistance_type, assistance_id } },
]

const directActions: Partial<Record<Direct['resource_type'], (id: string) => Target['actions']>> = {
  agent: connectTo('agent'),
  extension: connectTo('extension'),
  ai: talkTo('ai'),
  ai_team: talkTo('team'),
  conference: (conference_id) => [answer, { type: 'conference_join', option: { conference_id } }],
  queue: (queue_id) => [{ type: 'queue_join', option: { queue_id } }],
  flow: () => [],
}
