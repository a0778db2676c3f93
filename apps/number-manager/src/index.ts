export { numberManager } from './manager.ts'
