import { runManager } from '@sidetone/manager'
import { customerManager } from './manager.ts'

await runManager(customerManager)
