import { runManager } from '@sidetone/manager'
import { registrarManager } from './manager.ts'

await runManager(registrarManager)
