import { runManager } from '@sidetone/manager'
import { callManager } from './manager.ts'

await runManager(callManager)
