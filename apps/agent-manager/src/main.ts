import { runManager } from '@sidetone/manager'
import { agentManager } from './manager.ts'

await runManager(agentManager)
