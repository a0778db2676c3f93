import { defineContract, event, managers, operation, resourceFields } from '@sidetone/contract'
import { createResourceTable, migration, resourceTable } from '@sidetone/store'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { crud, defineManager, type Manager, react } from '../src/index.ts'

const Note = z.object({ ...resourceFields, text: z.string() })
const Fields = z.object({ text: z.string() })

const noteContract = defineContract({
  name: 'note',
  errors: { NOTE_NOT_FOUND: { status: 'NOT_FOUND', message: 'There is no such note.' } },
  resources: {
    note: {
      operations: {
        create: operation({ http: 'POST /notes', summary: 'Create', allow: managers, input: Fields, output: Note }),
        update: operation({
          http: 'PUT /notes/{id}',
          summary: 'Change',
          allow: managers,
          input: Fields.extend({ id: z.uuid() }),
          output: Note,
          errors: ['NOTE_NOT_FOUND'],
        }),
      },
      events: { created: event(Note, 'created'), updated: event(Note, 'updated'), deleted: event(Note, 'deleted') },
    },
  },
})

const noteManager = defineManager({
  contract: noteContract,
  settings: z.object({}),
  migrations: [
    migration('0001_note', (schema) =>
      createResourceTable(schema, 'note_note', (table) => table.addColumn('text', 'text')),
    ),
  ],
  build({ store, emit }) {
    const table = resourceTable(Note, 'note_note')
    const { create, update } = crud({
      store,
      table,
      notFound: 'NOTE_NOT_FOUND',
      announce: (tx, name, row) => emit(tx, 'note', name, row),
    })
    return { handlers: { note: { create, update } } }
  },
})

const watcherContract = defineContract({
  name: 'watcher',
  errors: {},
  resources: { sight: { operations: {}, events: {} } },
})

/** Notes what it heard in its own table; refuses a note that says so. */
const watcherManager = defineManager({
  contract: watcherContract,
  settings: z.object({}),
  migrations: [
    migration('0001_sight', (schema) =>
      createResourceTable(schema, 'watcher_sight', (table) => table.addColumn('text', 'text')),
    ),
  ],
  build() {
    const sights = resourceTable(Note, 'watcher_sight')
    return {
      handlers: { sight: {} },
      reactions: [
        react(noteContract, 'note', 'created', async (tx, { text, customer_id }) => {
          if (text === 'poison') throw new Error('cannot stomach it')
          await sights.insert(tx, { text, customer_id })
        }),
      ],
    }
  },
})

let app: TestPlatform
afterEach(() => app.close())
const start = async () => {
  app = await startTestPlatform({ managers: [noteManager, watcherManager] as Manager[] })
  return app.as(noteContract, adminOf(someId(1)))
}
const rows = (table: string) => app.platform.store.kysely.selectFrom(table).selectAll().execute()

test('a reaction takes effect once, also when the event comes again', async () => {
  const { note } = await start()
  await note.create({ text: 'hello' })
  const [first] = await app.events()
  await app.platform.transport.publish(first!)
  expect(await rows('watcher_sight')).toHaveLength(1)
})

test('an event that cannot be handled is kept with its reason, and the next one is handled', async () => {
  const { note } = await start()
  await note.create({ text: 'poison' })
  await note.create({ text: 'food' })
  await app.events()
  expect(await rows('bus_dead_letter')).toMatchObject([
    { subscriber: 'watcher', type: 'note_created', reason: expect.stringContaining('cannot stomach it') },
  ])
  expect((await rows('watcher_sight')).map(({ text }) => text)).toEqual(['food'])
}, 30_000)

test('a change that fails leaves neither row nor event', async () => {
  const { note } = await start()
  await expect(note.update({ id: someId(9), text: 'x' })).rejects.toMatchObject({ reason: 'NOTE_NOT_FOUND' })
  expect(await app.events()).toEqual([])
  expect(await rows('bus_outbox')).toEqual([])
})
