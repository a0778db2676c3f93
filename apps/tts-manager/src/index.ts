export { ttsManager } from './manager.ts'
