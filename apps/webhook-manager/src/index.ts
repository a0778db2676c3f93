export { webhookManager } from './manager.ts'
