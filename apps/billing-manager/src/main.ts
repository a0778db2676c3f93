import { runManager } from '@sidetone/manager'
import { billingManager } from './manager.ts'

await runManager(billingManager)
