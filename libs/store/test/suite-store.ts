import { afterAll, beforeAll } from 'vitest'
import type { Store } from '../src/index.ts'
import type { TestDatabase } from '../src/testing.ts'
import { migrated } from './thing.ts'

/** A store on a database of the suite that calls this. */
export function suiteStore(create: () => Promise<TestDatabase>) {
  let database: TestDatabase
  let store: Store
  beforeAll(async () => {
    database = await create()
    store = await migrated(database.open())
  })
  afterAll(async () => {
    await store.close()
    await database.drop()
  })
  return {
    get store() {
      return store
    },
  }
}
