export { checkKeys } from './check-keys.ts'
export { checkRoom, takeRoom } from './check-room.ts'
export { crud } from './crud.ts'
export { serveHealth } from './health.ts'
export * from './manager.ts'
export { migrateManagers, pendingMigrations } from './migrations.ts'
export { openPlatform, type Platform } from './platform.ts'
export { runManager } from './run-manager.ts'
export {
  distributedSettings,
  type PlatformSettings,
  platformSettings,
  readSettings,
  SettingsError,
} from './settings.ts'
export { type RunningManager, startManager } from './start-manager.ts'
export { onStopSignal } from './stop-signal.ts'
