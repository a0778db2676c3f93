export { timelineManager } from './manager.ts'
