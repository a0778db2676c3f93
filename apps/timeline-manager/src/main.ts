import { runManager } from '@sidetone/manager'
import { timelineManager } from './manager.ts'

await runManager(timelineManager)
