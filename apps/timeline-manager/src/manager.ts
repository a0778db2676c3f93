import { commonError, type EventEnvelope, nilId, type Page, type PageQuery } from '@sidetone/contract'
import { defineManager, listen } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { isPublicEvent, publicEvent } from '@sidetone/proto-schemas/public-event'
import { type StreamEvent, timelineContract } from '@sidetone/proto-schemas/timeline'
import { batches, readNumberToken } from '@sidetone/store'
import { openAuditLog } from './audit-log.ts'
import { type Match, openEventLog } from './event-log.ts'
import { migrations } from './migrations.ts'
import { resourceOf } from './resource-types.ts'
import { openRetention } from './retention.ts'
import { createSipCapture, isAriEvent, sipCaptureSettings } from './sip/capture.ts'

const batchSize = 200
const hourMs = 3_600_000

export const timelineManager = defineManager({
  contract: timelineContract,
  settings: sipCaptureSettings,
  migrations,
  build({ settings, store, feed, jobs, client }) {
    const events = openEventLog(store)
    const audit = openAuditLog(store)
    const retention = openRetention(store)
    const sip = createSipCapture({ settings, store, jobs, client })
    jobs.every('timeline.purge', { everyMs: hourMs, timeoutMs: hourMs / 2, handler: () => retention.purge() })

    // What comes again is not stored again, neither here nor there.
    const record = batches<EventEnvelope>(async (envelopes) => {
      const [told, internal] = [envelopes.filter(isTold), envelopes.filter((envelope) => !isTold(envelope))]
      const stored = await store.transaction(async (tx) => {
        for (const customer_id of new Set(internal.map((event) => event.customer_id)))
          await events.know(tx, customer_id)
        const appended = await events.append(tx, told)
        const fresh = new Set(appended.map(({ id }) => id))
        const audited = told.filter(({ id }) => fresh.delete(id))
        await audit.append(tx, [...audited, ...(await audit.unknown(tx, internal))])
        return appended
      })
      // Only when stored: whoever misses one on the feed finds it here.
      for (const event of stored) {
        feed.publish(`customer_id:${event.customer_id}:${event.resource}:${event.resource_id}`, JSON.stringify(event))
      }
    }, batchSize)

    async function onEvent(envelope: EventEnvelope): Promise<void> {
      if (isTold(envelope)) await record({ ...envelope, data: publicEvent(envelope)!.data })
      else if (envelope.actor) await record(envelope)
    }

    async function listed(
      customer_id: string,
      match: Match,
      { page_size, page_token }: PageQuery,
    ): Promise<Page<{ timestamp: string; event_type: string; data: unknown }>> {
      const before = readNumberToken(page_token)
      const found = await events.matching(customer_id, match, { before, limit: page_size + 1 })
      const shown = found.slice(0, page_size)
      return {
        result: shown.map(({ time, type, data }) => ({ timestamp: time, event_type: type, data })),
        next_page_token: found.length > page_size ? String(shown.at(-1)!.cursor) : '',
      }
    }

    /** Everything of the call's activeflow; of the call alone, when none controlled it. */
    async function ofCall(customer_id: string, call_id: string): Promise<Match> {
      const call = { resource: 'call', resource_id: call_id }
      const [last] = await events.matching(customer_id, call, { before: Number.MAX_SAFE_INTEGER, limit: 1 })
      const { activeflow_id = nilId } = (last?.data ?? {}) as { activeflow_id?: string }
      return activeflow_id === nilId ? call : { activeflow_id }
    }

    return {
      handlers: {
        timeline: {
          list: ({ resource_type, resource_id, ...page }, { customer_id }) =>
            listed(customer_id, { resource: resourceOf(resource_type), resource_id }, page),

          async aggregated({ activeflow_id, call_id, ...page }, { customer_id, fail }) {
            if ((activeflow_id === undefined) === (call_id === undefined)) throw oneOfBoth()
            const match = activeflow_id ? { activeflow_id } : await ofCall(customer_id, call_id!)
            const found = await listed(customer_id, match, page)
            if (found.result.length === 0 && !page.page_token) throw fail('EVENTS_NOT_FOUND')
            return found
          },

          get_retention: async (_, { customer_id }) => ({ events_days: await retention.get(customer_id) }),

          async update_retention({ events_days }, { customer_id }) {
            await retention.set(customer_id, events_days)
            return { events_days }
          },

          async after({ cursor, limit }, { customer_id }): Promise<{ events: StreamEvent[]; head: number }> {
            return { events: await events.after(customer_id, cursor, limit), head: await events.head(customer_id) }
          },
        },
        sip_message: sip.handlers,
        audit_log: {
          list: (query, { customer_id }) => audit.page(customer_id, query),
          list_of: ({ customer_id, ...query }) => audit.page(customer_id, query),
        },
      },
      reactions: [
        { types: 'all', run: (event) => (isAriEvent(event) ? sip.onAriEvent(event) : onEvent(event)) },
        // Nobody is left who could read it, neither what there is nor what follows.
        listen(customerContract, 'customer', 'deleted', ({ id }) => retention.set(id, 0)),
      ],
    }
  },
})

/** Whether a customer hears of the event. */
const isTold = ({ type, customer_id }: EventEnvelope): boolean => isPublicEvent(type) && customer_id !== nilId

function oneOfBoth() {
  const problem = 'give either activeflow_id or call_id'
  return commonError('INVALID_ARGUMENT', {
    message: problem,
    details: ['activeflow_id', 'call_id'].map((field) => ({ field, problem })),
  })
}
