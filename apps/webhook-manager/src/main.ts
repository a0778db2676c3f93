import { runManager } from '@sidetone/manager'
import { webhookManager } from './manager.ts'

await runManager(webhookManager)
