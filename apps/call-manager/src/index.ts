export { callManager } from './manager.ts'
