export { flowManager } from './manager.ts'
