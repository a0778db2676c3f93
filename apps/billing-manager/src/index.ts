export { billingManager } from './manager.ts'
