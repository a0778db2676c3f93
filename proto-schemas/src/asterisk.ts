import { defineContract, event, operation } from '@sidetone/contract'
import { z } from 'zod'

/** An ARI event of one channel (or of a bridge, playback or recording that belongs to none), as the node sent it. */
const AriEvent = z.object({
  /** The channel (or else bridge) that it is about: events of one of them keep their order. */
  id: z.string(),
  customer_id: z.string(),
  asterisk_id: z.string(),
  event: z.looseObject({ type: z.string(), timestamp: z.string().optional() }),
})
export type AriEvent = z.infer<typeof AriEvent>

/** The proxy beside each Asterisk (or softswitch): ARI requests in, ARI events out. */
export const asteriskContract = defineContract({
  name: 'asterisk',
  errors: { ARI_REQUEST_FAILED: { status: 'FAILED_PRECONDITION', message: 'The RTC node refused the request.' } },
  resources: {
    ari: {
      operations: {
        request: operation({
          http: 'POST /ari/request',
          summary: 'One ARI request; what the node answers is passed on, also when it refuses',
          input: z.object({
            method: z.enum(['GET', 'POST', 'PUT', 'DELETE']),
            /** Below `/ari/`: `channels/<id>/answer`. */
            path: z.string(),
            query: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
            body: z.unknown().optional(),
          }),
          output: z.object({ asterisk_id: z.string(), status: z.int(), body: z.unknown() }),
          timeoutMs: 10_000,
        }),
        store_recording: operation({
          http: 'POST /ari/recordings/store',
          summary: 'Move a finished recording from the node into the file store. Repeating it changes nothing.',
          idempotent: true,
          input: z.object({
            name: z.string(),
            key: z.string(),
            /** Two more recordings of the node, of one side of the call each: the file is made of them, left and right. */
            sides: z.tuple([z.string(), z.string()]).optional(),
          }),
          output: z.object({ filesize: z.int(), sha256: z.string() }),
          errors: ['ARI_REQUEST_FAILED'],
          timeoutMs: 60_000,
        }),
      },
      events: { received: event(AriEvent, 'The RTC node reported something', { internal: true }) },
    },
  },
})

/** The queue of one particular node. */
export const asteriskContractOf = (asteriskId: string) => ({ ...asteriskContract, name: `asterisk-${asteriskId}` })
