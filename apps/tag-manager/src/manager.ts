import { crud, defineManager, react, takeRoom } from '@sidetone/manager'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { Tag, tagContract } from '@sidetone/proto-schemas/tag'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'

export const tagManager = defineManager({
  contract: tagContract,
  settings: z.object({}),
  migrations,
  build({ store, emit, client }) {
    const tags = resourceTable(Tag, 'tag_tag')
    const kept = crud({
      store,
      table: tags,
      notFound: 'TAG_NOT_FOUND',
      announce: (tx, event, tag) => emit(tx, 'tag', event, tag),
    })
    return {
      handlers: {
        tag: {
          ...kept,
          async create(fields, context) {
            const { customer_id, fail } = context
            const limit = await planLimit(client(billingContract), customer_id, 'tag')
            return kept.create(fields, context, (tx) => takeRoom(tx, tags, { customer_id, limit, fail }))
          },
        },
      },
      purges: { tag: tags },
      reactions: [
        react(customerContract, 'customer', 'deleted', (tx, customer) => tags.softDeleteAllOf(tx, customer.id)),
      ],
    }
  },
})
