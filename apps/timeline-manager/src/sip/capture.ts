import { ApiError, type EventEnvelope, type Handlers, type OperationContext } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { AriEvent } from '@sidetone/proto-schemas/asterisk'
import { callContract } from '@sidetone/proto-schemas/call'
import type { SipMessage } from '@sidetone/proto-schemas/sip-message'
import type { timelineContract } from '@sidetone/proto-schemas/timeline'
import { timeAfter } from '@sidetone/store'
import { z } from 'zod'
import { pcapOf } from './pcap.ts'
import { rtcpStatsOf } from './rtcp-stats.ts'
import { openSipLog } from './sip-log.ts'

export const sipCaptureSettings = z.object({
  /** For how many days the SIP messages of calls are kept. */
  SIP_CAPTURE_DAYS: z.coerce.number().int().min(1).max(365).default(7),
})

type Core = Pick<Resources<typeof timelineContract>, 'store' | 'jobs' | 'client'> & {
  settings: z.output<typeof sipCaptureSettings>
}
type Context = Pick<OperationContext<'CALL_NOT_FOUND'>, 'identity' | 'request_id' | 'fail'>

const hourMs = 3_600_000
const minuteMs = 60_000
const dayMs = 24 * hourMs

/** Before and after the life of a call there are messages of its dialog; older and younger ones are another's. */
const around = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString()

export const isAriEvent = ({ type }: EventEnvelope): boolean => type === 'ari_received'

export function createSipCapture({ settings, store, jobs, client }: Core) {
  const log = openSipLog(store)
  const calls = client(callContract).call
  jobs.every('timeline.purge_sip', {
    everyMs: hourMs,
    timeoutMs: hourMs / 2,
    handler: () => log.purge(timeAfter(-settings.SIP_CAPTURE_DAYS * dayMs)),
  })

  async function messagesOf(id: string, { identity, request_id, fail }: Context): Promise<SipMessage[]> {
    const call = await calls.get({ id }, { identity, request_id }).catch((cause: unknown) => {
      throw cause instanceof ApiError && cause.status === 'NOT_FOUND' ? fail('CALL_NOT_FOUND', { cause }) : cause
    })
    return log.ofCall({
      ...call,
      call_id: id,
      from: around(call.tm_create, -minuteMs),
      until: around(call.tm_hangup ?? timeAfter(0), minuteMs),
    })
  }

  const handlers: Handlers<typeof timelineContract>['sip_message'] = {
    async analysis({ call_id }, context) {
      const sip_messages = await messagesOf(call_id, context)
      return { sip_messages, rtcp_stats: rtcpStatsOf(sip_messages) }
    },

    async pcap({ call_id }, context) {
      const base64 = pcapOf(await messagesOf(call_id, context)).toString('base64')
      return { content_type: 'application/octet-stream', filename: `${call_id}.pcap`, base64 }
    },

    async append({ messages }) {
      await log.append(messages)
      return {}
    },
  }

  return {
    handlers,

    /** A node says of each channel which Call-ID it has, once it has one. */
    async onAriEvent({ data }: EventEnvelope): Promise<void> {
      const { asterisk_id, event } = data as AriEvent
      if (!tellingEvents.has(event.type)) return
      const { id, protocol_id } = event.channel as { id: string; protocol_id?: string }
      if (protocol_id) await log.know({ asterisk_id, channel_id: id, sip_call_id: protocol_id.slice(0, 255) })
    },
  }
}

/** The first and the last of a channel; one between them for a leg that rings for long. */
const tellingEvents = new Set(['StasisStart', 'ChannelStateChange', 'ChannelDestroyed'])
