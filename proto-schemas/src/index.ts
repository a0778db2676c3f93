import type { Contract } from '@sidetone/contract'
import { agentContract } from './agent.ts'
import { asteriskContract } from './asterisk.ts'
import { billingContract } from './billing.ts'
import { callContract } from './call.ts'
import { customerContract } from './customer.ts'
import { directContract } from './direct.ts'
import { flowContract } from './flow.ts'
import { gatewayContract } from './gateway.ts'
import { numberContract } from './number.ts'
import { registrarContract } from './registrar.ts'
import { routeContract } from './route.ts'
import { storageContract } from './storage.ts'
import { tagContract } from './tag.ts'
import { timelineContract } from './timeline.ts'
import { ttsContract } from './tts.ts'
import { webhookContract } from './webhook.ts'

/** Every contract of the platform: the one registry. */
export const contracts = [
  gatewayContract,
  customerContract,
  agentContract,
  directContract,
  numberContract,
  registrarContract,
  flowContract,
  routeContract,
  callContract,
  billingContract,
  storageContract,
  timelineContract,
  webhookContract,
  tagContract,
  ttsContract,
  asteriskContract,
] as const satisfies readonly Contract[]
