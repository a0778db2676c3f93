import { runManager } from '@sidetone/manager'
import { storageManager } from './manager.ts'

await runManager(storageManager)
