import { crud, defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { Tag, tagContract } from '@sidetone/proto-schemas/tag'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'

export const tagManager = defineManager({
  contract: tagContract,
  settings: z.object({}),
  migrations,
  build({ store, emit }) {
    const tags = resourceTable(Tag, 'tag_tag')
    return {
      handlers: {
        tag: crud({
          store,
          table: tags,
          notFound: 'TAG_NOT_FOUND',
          announce: (tx, event, tag) => emit(tx, 'tag', event, tag),
        }),
      },
      purges: { tag: tags },
      reactions: [
        react(customerContract, 'customer', 'deleted', (tx, customer) => tags.softDeleteAllOf(tx, customer.id)),
      ],
    }
  },
})
