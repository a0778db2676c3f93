export { directManager } from './manager.ts'
