export { routeManager } from './manager.ts'
