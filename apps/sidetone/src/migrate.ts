import { migrateManagers, pendingMigrations, platformSettings, readSettings, SettingsError } from '@sidetone/manager'
import { openStore } from '@sidetone/store'
import { createLogger } from '@sidetone/telemetry'
import { managers } from './managers.ts'

// Brings a distributed deployment's database up to date: `npm run migrate`, once per release, before the managers start.
try {
  const settings = readSettings(platformSettings, process.env)
  if (!settings.DATABASE_URL)
    throw new SettingsError('DATABASE_URL is not set; an embedded platform migrates by itself at its start.')
  const store = await openStore({
    url: settings.DATABASE_URL,
    log: createLogger({ service: 'migrate', level: settings.LOG_LEVEL }),
  })
  const pending = await pendingMigrations(store, managers)
  await migrateManagers(store, managers)
  for (const name of pending) console.log(name)
  await store.close()
  console.log('the database is up to date')
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exit(1)
}
