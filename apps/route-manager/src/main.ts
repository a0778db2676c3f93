import { runManager } from '@sidetone/manager'
import { routeManager } from './manager.ts'

await runManager(routeManager)
