import {
  ById,
  Detail,
  defineContract,
  event,
  managers,
  Name,
  operation,
  Page,
  PageQuery,
  resourceFields,
} from '@sidetone/contract'
import { z } from 'zod'
import { planErrors } from './plan-limit.ts'

/** A label that a customer puts on its agents, queues and contacts. */
export const Tag = z.object({ ...resourceFields, name: Name.min(1), detail: z.string() }).meta({ id: 'Tag' })
export type Tag = z.infer<typeof Tag>

const Fields = z.object({ name: Name.min(1), detail: Detail })
const errors = ['TAG_NOT_FOUND'] as const

export const tagContract = defineContract({
  name: 'tag',
  errors: { ...planErrors, TAG_NOT_FOUND: { status: 'NOT_FOUND', message: 'The tag was not found.' } },
  resources: {
    tag: {
      operations: {
        list: operation({
          http: 'GET /tags',
          summary: 'List tags',
          allow: managers,
          input: PageQuery,
          output: Page(Tag),
        }),
        create: operation({
          http: 'POST /tags',
          summary: 'Create a tag',
          allow: managers,
          input: Fields,
          output: Tag,
          errors: ['RESOURCE_LIMIT_EXCEEDED'],
        }),
        get: operation({
          http: 'GET /tags/{id}',
          summary: 'Get a tag',
          allow: managers,
          input: ById,
          output: Tag,
          errors,
        }),
        update: operation({
          http: 'PUT /tags/{id}',
          summary: 'Replace a tag',
          allow: managers,
          input: ById.extend(Fields.shape),
          output: Tag,
          errors,
        }),
        delete: operation({
          http: 'DELETE /tags/{id}',
          summary: 'Delete a tag',
          allow: managers,
          input: ById,
          output: Tag,
          errors,
        }),
      },
      events: {
        created: event(Tag, 'A tag was created'),
        updated: event(Tag, 'A tag was changed'),
        deleted: event(Tag, 'A tag was deleted'),
      },
    },
  },
})
