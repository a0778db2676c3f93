import { runManager } from '@sidetone/manager'
import { ttsManager } from './manager.ts'

await runManager(ttsManager)
