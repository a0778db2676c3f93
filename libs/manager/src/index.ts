export * from './manager.ts'
