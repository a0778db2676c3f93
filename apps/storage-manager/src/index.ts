export { storageManager } from './manager.ts'
