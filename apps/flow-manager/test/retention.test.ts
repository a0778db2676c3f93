import { internalIdentity } from '@sidetone/contract'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, someId, startTestPlatform } from '@sidetone/testing'
import { describe, expect, test, vi } from 'vitest'
import { flowManager } from '../src/manager.ts'

const acme = someId(821)
const dayMs = 86_400_000

describe.each(await testDatabases('retention of flows'))('on $name', ({ create }) => {
  test('what ended, or was deleted, goes when its time is over; what runs stays', async () => {
    const env = { FLOW_RETENTION_DAYS: '7', DELETED_RETENTION_DAYS: '7' }
    const app = await startTestPlatform({ managers: [flowManager], env, database: await create() })
    const { store } = app.platform
    const { flow, activeflow } = app.as(flowContract, adminOf(acme))
    const { start } = app.as(flowContract, internalIdentity(acme)).activeflow
    const ages = [8, 6]
    const daysAgo = (days: number) => new Date(Date.now() - days * dayMs).toISOString()

    const ended = await Promise.all(ages.map(() => activeflow.create({ actions: [] })))
    const running = await start({ id: someId(822), actions: [], reference_type: 'call', reference_id: someId(1) })
    const deleted = await activeflow.delete({ id: (await activeflow.create({ actions: [] })).id })
    const flows = await Promise.all(ages.map(() => flow.create({ name: 'f', actions: [] })))
    await flow.delete({ id: flows[0]!.id })
    const age = (table: string, id: string, days: number, fields = ['tm_create', 'tm_update']) =>
      store.kysely
        .updateTable(table)
        .set(Object.fromEntries(fields.map((field) => [field, daysAgo(days)])))
        .where('id', '=', id)
        .execute()
    await Promise.all(ended.map(({ id }, index) => age('flow_activeflow', id, ages[index]!)))
    await age('flow_activeflow', running.id, 8)
    await age('flow_activeflow', deleted.id, 8, ['tm_delete'])
    await age('flow_flow', flows[0]!.id, 8, ['tm_delete'])

    const jobs = ['flow.retention', 'flow.housekeeping']
    await store.kysely.updateTable('jobs_job').set({ due_ms: 0 }).where('type', 'in', jobs).execute()
    const idsOf = async (table: string) =>
      (await store.kysely.selectFrom(table).select('id').execute()).map(({ id }) => id).toSorted()
    await vi.waitFor(async () => {
      expect(await idsOf('flow_activeflow')).toEqual([ended[1]!.id, running.id].toSorted())
      expect(await idsOf('flow_flow')).toEqual([flows[1]!.id])
      const counted = await store.kysely.selectFrom('bus_sequence').select('resource_id').execute()
      expect(counted.map(({ resource_id }) => resource_id).sort()).toEqual(
        [ended[1]!.id, flows[1]!.id, running.id].toSorted(),
      )
    }, 5_000)
    await app.close()
  })
})
