export { agentManager } from './manager.ts'
