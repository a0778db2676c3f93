import { ById, defineContract, operation, resourceFields } from '@sidetone/contract'
import { z } from 'zod'

const Thing = z.object({ ...resourceFields, name: z.string(), detail: z.string() })
export type Thing = z.infer<typeof Thing>

/** One small resource: what most requests are like. */
export const thingContract = defineContract({
  name: 'thing',
  errors: {},
  resources: {
    thing: {
      operations: {
        get: operation({ http: 'GET /things/{id}', summary: 'Get a thing', input: ById, output: Thing }),
      },
      events: {},
    },
  },
})

export const thing: Thing = {
  id: '01a1fd19-34ff-7618-8618-655019528406',
  customer_id: '5b7bfce7-09a9-46c1-ab46-d59e1b312f62',
  tm_create: '2026-11-21T07:54:10.052000Z',
  tm_update: '2026-11-21T07:54:10.103000Z',
  tm_delete: null,
  name: 'A thing',
  detail: 'about as long as such a text usually is, which is not very long',
}
