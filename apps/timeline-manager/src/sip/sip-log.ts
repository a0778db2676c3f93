import type { CapturedSipMessage, SipMessage } from '@sidetone/proto-schemas/sip-message'
import { DuplicateError, firstIdAt, newId, type Store } from '@sidetone/store'

/** The legs of a call, as the node that carried them names them. */
interface Legs {
  asterisk_id: string
  /** Of the leg that there is, or was last. */
  channel_id: string
  /** What the ids of all its other legs begin with. */
  call_id: string
  /** RFC 3339. */
  from: string
  until: string
}

/** Captured SIP messages by their Call-ID, and which leg has which Call-ID. */
export interface SipLog {
  append: (messages: CapturedSipMessage[]) => Promise<void>
  /** Repeating it changes nothing. */
  know: (leg: { asterisk_id: string; channel_id: string; sip_call_id: string }) => Promise<void>
  /**
   * Oldest first. A Call-ID is unique (RFC 3261 section 8.1.1.4); what has one that the leg of another call had at about the same time
   * may be that call's, and is shown to neither.
   */
  ofCall: (legs: Legs) => Promise<SipMessage[]>
  purge: (before: string) => Promise<void>
}

const [messageTable, legTable] = ['timeline_sip_message', 'timeline_sip_leg']
const batchSize = 500
/** More than any call has that is not a fault or an attack. */
const maxMessages = 1_000
const longestCallMs = 24 * 3_600_000

export function openSipLog({ kysely }: Store): SipLog {
  const unlessKnown = (error: unknown) => {
    if (!(error instanceof DuplicateError)) throw error
  }

  async function callIdsOf({ asterisk_id, channel_id, call_id, from, until }: Legs): Promise<string[]> {
    const isOwn = (leg: Record<string, unknown>): boolean =>
      leg.asterisk_id === asterisk_id && (leg.channel_id === channel_id || String(leg.channel_id).startsWith(call_id))
    const own = await kysely
      .selectFrom(legTable)
      .select('sip_call_id')
      .where('asterisk_id', '=', asterisk_id)
      .where((where) => where.or([where('channel_id', '=', channel_id), where('channel_id', 'like', `${call_id}%`)]))
      .execute()
    const callIds = own.map(({ sip_call_id }) => sip_call_id as string)
    if (callIds.length === 0) return []
    const claims = await kysely
      .selectFrom(legTable)
      .select(['sip_call_id', 'asterisk_id', 'channel_id'])
      .where('sip_call_id', 'in', callIds)
      .where('id', '>=', firstIdAt(new Date(Date.parse(from) - longestCallMs).toISOString()))
      .where('id', '<', firstIdAt(until))
      .execute()
    const claimed = new Set(claims.filter((leg) => !isOwn(leg)).map(({ sip_call_id }) => sip_call_id))
    return callIds.filter((sip_call_id) => !claimed.has(sip_call_id))
  }

  async function purgeTable(table: string, before: string): Promise<void> {
    for (;;) {
      const rows = kysely.selectFrom(table).select('id').where('id', '<', firstIdAt(before)).orderBy('id')
      const ids = (await rows.limit(batchSize).execute()).map(({ id }) => id)
      if (ids.length > 0) await kysely.deleteFrom(table).where('id', 'in', ids).execute()
      if (ids.length < batchSize) return
    }
  }

  return {
    append: (messages) =>
      kysely
        .insertInto(messageTable)
        .values(messages)
        .execute()
        .then(() => {}, unlessKnown),

    know: (leg) =>
      kysely
        .insertInto(legTable)
        .values({ ...leg, id: newId() })
        .execute()
        .then(() => {}, unlessKnown),

    async ofCall(legs) {
      const callIds = await callIdsOf(legs)
      if (callIds.length === 0) return []
      const rows = await kysely
        .selectFrom(messageTable)
        .select(['timestamp', 'method', 'src_ip', 'src_port', 'dst_ip', 'dst_port', 'raw'])
        .where('sip_call_id', 'in', callIds)
        .where('timestamp', '>=', legs.from)
        .where('timestamp', '<=', legs.until)
        .orderBy('timestamp')
        .orderBy('id')
        .limit(maxMessages)
        .execute()
      return rows as unknown as SipMessage[]
    },

    async purge(before) {
      await purgeTable(messageTable, before)
      await purgeTable(legTable, before)
    },
  }
}
