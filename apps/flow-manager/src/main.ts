import { runManager } from '@sidetone/manager'
import { flowManager } from './manager.ts'

await runManager(flowManager)
