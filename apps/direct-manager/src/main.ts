import { runManager } from '@sidetone/manager'
import { directManager } from './manager.ts'

await runManager(directManager)
