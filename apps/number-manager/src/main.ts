import { runManager } from '@sidetone/manager'
import { numberManager } from './manager.ts'

await runManager(numberManager)
