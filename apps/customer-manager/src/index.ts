export { customerManager } from './manager.ts'
