import { commonError, type EventEnvelope, nilId } from '@sidetone/contract'
import { defineManager } from '@sidetone/manager'
import { isPublicEvent, publicEvent } from '@sidetone/proto-schemas/public-event'
import { timelineContract } from '@sidetone/proto-schemas/timeline'
import { batches } from '@sidetone/store'
import { z } from 'zod'
import { openEventLog } from './event-log.ts'
import { migrations } from './migrations.ts'

const batchSize = 200

/** `calls` in a path stands for the resource `call`. */
const singular = (plural: string): string => plural.replace(/s$/, '')

export const timelineManager = defineManager({
  contract: timelineContract,
  settings: z.object({}),
  migrations,
  build({ store, feed }) {
    const log = openEventLog(store)

    // Published only when stored: whoever misses one on the feed finds it here.
    const record = batches<EventEnvelope>(async (envelopes) => {
      for (const event of await log.append(envelopes)) {
        const body = JSON.stringify(event)
        feed.publish(`customer_id:${event.customer_id}:${event.resource}:${event.resource_id}`, body)
      }
    }, batchSize)

    async function onEvent(envelope: EventEnvelope): Promise<void> {
      if (!isPublicEvent(envelope.type) || envelope.customer_id === nilId) return
      await record({ ...envelope, data: publicEvent(envelope)!.data })
    }

    return {
      handlers: {
        timeline: {
          async list({ resource_type, resource_id, page_size, page_token }, { customer_id }) {
            const before = readToken(page_token)
            const found = await log.ofResource({
              customer_id,
              resource: singular(resource_type),
              resource_id,
              before,
              limit: page_size + 1,
            })
            const result = found.slice(0, page_size)
            return {
              result: result.map(({ time, type, data }) => ({ timestamp: time, event_type: type, data })),
              next_page_token: found.length > page_size ? String(result.at(-1)!.cursor) : '',
            }
          },

          after: async ({ cursor, limit }, { customer_id }) => ({
            events: await log.after(customer_id, cursor, limit),
            head: await log.head(customer_id),
          }),
        },
      },
      reactions: [{ types: 'all', run: onEvent }],
    }
  },
})

function readToken(token: string | undefined): number {
  if (token === undefined || token === '') return Number.MAX_SAFE_INTEGER
  if (/^\d{1,15}$/.test(token)) return Number(token)
  const problem = 'is not a token of an earlier page'
  throw commonError('INVALID_ARGUMENT', {
    message: `page_token: ${problem}`,
    details: [{ field: 'page_token', problem }],
  })
}
