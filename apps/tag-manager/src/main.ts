import { runManager } from '@sidetone/manager'
import { tagManager } from './manager.ts'

await runManager(tagManager)
