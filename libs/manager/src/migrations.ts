import { jobMigrations } from '@sidetone/jobs'
import type { Store } from '@sidetone/store'
import type { Manager } from './manager.ts'

type Migrating = Pick<Manager, 'migrations'> & { contract: { name: string } }

const owners = (managers: readonly Migrating[]) => [
  { owner: 'jobs', migrations: jobMigrations },
  ...managers.map(({ contract, migrations }) => ({ owner: contract.name, migrations })),
]

/** Brings the tables of these managers, and those of the platform, up to date. */
export async function migrateManagers(store: Store, managers: readonly Migrating[]): Promise<void> {
  for (const { owner, migrations } of owners(managers)) await store.migrate(owner, migrations)
}

/** What `migrateManagers` would do, as `<owner>: <name>`. */
export async function pendingMigrations(store: Store, managers: readonly Migrating[]): Promise<string[]> {
  const pending: string[] = []
  for (const { owner, migrations } of owners(managers)) {
    pending.push(...(await store.pendingMigrations(owner, migrations)).map((name) => `${owner}: ${name}`))
  }
  return [...new Set(pending)]
}
