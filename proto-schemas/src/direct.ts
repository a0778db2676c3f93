import { defineContract, event, Id, operation, resourceFields } from '@sidetone/contract'
import { z } from 'zod'

const DirectResource = z.enum(['agent', 'ai', 'ai_team', 'conference', 'extension', 'flow', 'queue', 'webchat_widget'])
const OfResource = z.object({ resource_type: DirectResource, resource_id: Id })

/** A public short address of one resource. Whoever knows the hash may reach the resource: by SIP, or by booting a token. */
export const Direct = z
  .object({
    ...resourceFields,
    ...OfResource.shape,
    /** `direct.` and 32 hex digits; what the resource shows as its `direct_hash`. */
    hash: z.string(),
  })
  .meta({ id: 'Direct' })
export type Direct = z.infer<typeof Direct>

export const directContract = defineContract({
  name: 'direct',
  errors: {
    DIRECT_NOT_FOUND: { status: 'NOT_FOUND', message: 'There is no resource behind this hash.' },
  },
  resources: {
    direct: {
      operations: {
        create: operation({
          http: 'POST /directs',
          summary: 'Give a resource its hash; one that has a hash keeps it',
          idempotent: true,
          input: OfResource,
          output: Direct,
        }),
        regenerate: operation({
          http: 'POST /directs/regenerate',
          summary: 'Give a resource a new hash, or its first; the old one stops working',
          input: OfResource,
          output: Direct,
        }),
        get_by_hash: operation({
          http: 'GET /directs/by_hash/{hash}',
          summary: 'Find the resource behind a hash',
          input: z.object({ hash: z.string().max(64) }),
          output: Direct,
          errors: ['DIRECT_NOT_FOUND'],
        }),
        delete: operation({
          http: 'DELETE /directs/{resource_type}/{resource_id}',
          summary: 'Take the hash of a resource away; without one nothing happens',
          input: OfResource,
          output: z.object({}),
        }),
      },
      events: {
        created: event(Direct, 'A resource was given a hash', { internal: true }),
        regenerated: event(Direct, 'A resource was given another hash', { internal: true }),
        deleted: event(Direct, 'The hash of a resource was taken away', { internal: true }),
      },
    },
  },
})
