export { tagManager } from './manager.ts'
