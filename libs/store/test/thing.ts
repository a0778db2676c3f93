import { defineContract, event, internal, resourceFields } from '@sidetone/contract'
import { pino } from 'pino'
import { z } from 'zod'
import { createResourceTable, migration, type Store } from '../src/index.ts'

/** A resource with one field of each kind. */
export const Thing = z.object({
  ...resourceFields,
  name: z.string(),
  note: z.string().optional(),
  state: z.enum(['new', 'old']),
  active: z.boolean(),
  count: z.int(),
  ratio: z.number().nullable(),
  tags: z.array(z.string()),
  options: z.record(z.string(), z.unknown()).nullable(),
  choice: z.union([z.object({ deep: z.array(z.number()) }), z.string()]),
  anything: z.unknown(),
  secret: internal(z.string()),
})
export type Thing = z.infer<typeof Thing>

export const thingContract = defineContract({
  name: 'thing',
  errors: {},
  resources: {
    thing: {
      operations: {},
      events: { created: event(Thing, 'Created'), updated: event(Thing, 'Changed'), deleted: event(Thing, 'Deleted') },
    },
  },
})

export const thingMigrations = [
  migration('0001_thing', (schema) =>
    createResourceTable(schema, 'thing_thing', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('note', 'text')
        .addColumn('state', 'varchar(16)')
        .addColumn('active', 'integer')
        .addColumn('count', 'bigint')
        .addColumn('ratio', 'double precision')
        .addColumn('tags', 'text')
        .addColumn('options', 'text')
        .addColumn('choice', 'text')
        .addColumn('anything', 'text')
        .addColumn('secret', 'text'),
    ),
  ),
  migration('0002_thing_name', (schema) =>
    schema
      .createIndex('ux_thing_thing_customer_id_name')
      .unique()
      .on('thing_thing')
      .columns(['customer_id', 'name'])
      .execute(),
  ),
]

let count = 0

/** A new thing of that customer. */
export const thingOf = (customer_id: string, fields: Partial<Thing> = {}) => ({
  customer_id,
  name: `thing ${++count}`,
  state: 'new' as const,
  active: true,
  count: 1,
  ratio: null,
  tags: ['a'],
  options: null,
  choice: 'one',
  anything: null,
  secret: 's3cret',
  ...fields,
})

export const migrated = async (store: Store): Promise<Store> => {
  await store.migrate('thing', thingMigrations)
  return store
}

export const quiet = pino({ level: 'silent' })
