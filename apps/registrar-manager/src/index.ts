export { registrarManager } from './manager.ts'
