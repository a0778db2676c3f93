import { defineContract, event, managers, operation, resourceFields } from '@sidetone/contract'
import { createResourceTable, keepDeadLetter, migration, newId, resourceTable, timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, someId, startTestPlatform } from '@sidetone/testing'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { crud, defineManager } from '../src/index.ts'

const Note = z.object({ ...resourceFields, text: z.string() })
const input = z.object({ text: z.string() })
const ById = z.object({ id: z.uuid() })
const acme = someId(1)
const dayMs = 86_400_000

const noteContract = defineContract({
  name: 'note',
  errors: { NOTE_NOT_FOUND: { status: 'NOT_FOUND', message: 'There is no such note.' } },
  resources: {
    note: {
      operations: {
        create: operation({ http: 'POST /notes', summary: 'Create', allow: managers, input, output: Note }),
        delete: operation({
          ...{ http: 'DELETE /notes/{id}', summary: 'Delete', allow: managers, input: ById, output: Note },
          errors: ['NOTE_NOT_FOUND'],
        }),
      },
      events: { created: event(Note, 'created'), updated: event(Note, 'updated'), deleted: event(Note, 'deleted') },
    },
    ping: { operations: {}, events: { sent: event(z.object({ id: z.uuid() }), 'sent') } },
  },
})

/** Of each note that is made it sends a ping, and gives up a job. */
const noteManager = defineManager({
  contract: noteContract,
  settings: z.object({}),
  migrations: [
    migration('0001_note', (schema) =>
      createResourceTable(schema, 'note_note', (table) => table.addColumn('text', 'text')),
    ),
  ],
  build({ store, emit, jobs }) {
    const table = resourceTable(Note, 'note_note')
    const rows = crud({
      store,
      table,
      notFound: 'NOTE_NOT_FOUND',
      announce: async (tx, name, row) => {
        await emit(tx, 'note', name, row)
        if (name !== 'created') return
        await emit(tx, 'ping', 'sent', { id: newId() })
        await jobs.enqueue(tx, 'note.fails', {})
      },
    })
    jobs.define('note.fails', {
      ...{ maxAttempts: 1, backoff: () => 0, concurrency: 1, timeoutMs: 1_000 },
      async handler() {
        throw new Error('it cannot be done')
      },
    })
    return {
      handlers: { note: { create: rows.create, delete: rows.delete }, ping: {} },
      purges: { note: table, ping: null },
    }
  },
})

describe.each(await testDatabases('retention of what was deleted'))('on $name', ({ create }) => {
  test('deleted rows, dead jobs and dead letters go when their time is over, with what their events were counted by', async () => {
    const env = { DELETED_RETENTION_DAYS: '7' }
    const app = await startTestPlatform({ managers: [noteManager], env, database: await create() })
    const { store } = app.platform
    const { kysely } = store
    const { note } = app.as(noteContract, adminOf(acme))
    const old = await note.create({ text: 'old' })
    const recent = await note.create({ text: 'recent' })
    const living = await note.create({ text: 'living' })
    for (const { id } of [old, recent]) await note.delete({ id })
    const [event] = await app.events()
    for (const subscriber of ['old', 'recent']) await keepDeadLetter(store, subscriber, event!, 'poison')
    const rowsOf = (table: string, column: string, value: string) =>
      kysely.selectFrom(table).selectAll().where(column, '=', value).execute()
    const count = async (...where: Parameters<typeof rowsOf>) => (await rowsOf(...where)).length
    await expect.poll(() => count('jobs_job', 'state', 'dead'), { timeout: 5_000 }).toBe(3)

    const change = (table: string, patch: object, column: string, value: unknown) =>
      kysely.updateTable(table).set(patch).where(column, '=', value).execute()
    const long = timeAfter(-8 * dayMs)
    await change('note_note', { tm_delete: long }, 'id', old.id)
    await change('note_note', { tm_create: long }, 'id', living.id)
    await change('bus_dead_letter', { tm_create: long }, 'subscriber', 'old')
    await change('jobs_job', { tm_create: long }, 'id', (await rowsOf('jobs_job', 'state', 'dead'))[0]!.id)
    const ping = (await rowsOf('bus_sequence', 'resource', 'ping'))[0]!
    await change('bus_sequence', { resource_id: `00${newId().slice(2)}` }, 'resource_id', ping.resource_id)

    await change('jobs_job', { due_ms: 0 }, 'type', 'note.housekeeping')
    await expect.poll(() => count('bus_sequence', 'resource', 'ping'), { timeout: 5_000 }).toBe(2)
    expect((await rowsOf('note_note', 'customer_id', acme)).map(({ text }) => text).sort()).toEqual([
      'living',
      'recent',
    ])
    expect((await rowsOf('bus_sequence', 'resource', 'note')).map(({ resource_id }) => resource_id).sort()).toEqual(
      [recent.id, living.id].sort(),
    )
    expect(await count('jobs_job', 'state', 'dead')).toBe(2)
    expect(await count('bus_dead_letter', 'subscriber', 'old')).toBe(0)
    expect(await count('bus_dead_letter', 'subscriber', 'recent')).toBe(1)
    await app.close()
  })
})
