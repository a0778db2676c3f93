import { agentManager } from '@sidetone/agent-manager'
import { billingManager } from '@sidetone/billing-manager'
import { callManager } from '@sidetone/call-manager'
import { customerManager } from '@sidetone/customer-manager'
import { directManager } from '@sidetone/direct-manager'
import { flowManager } from '@sidetone/flow-manager'
import type { Manager } from '@sidetone/manager'
import { numberManager } from '@sidetone/number-manager'
import { registrarManager } from '@sidetone/registrar-manager'
import { routeManager } from '@sidetone/route-manager'
import { storageManager } from '@sidetone/storage-manager'
import { tagManager } from '@sidetone/tag-manager'
import { timelineManager } from '@sidetone/timeline-manager'
import { ttsManager } from '@sidetone/tts-manager'
import { webhookManager } from '@sidetone/webhook-manager'

/** Every manager of the platform, in the order in which they start. */
export const managers: Manager[] = [
  timelineManager,
  customerManager,
  agentManager,
  directManager,
  registrarManager,
  numberManager,
  flowManager,
  storageManager,
  ttsManager,
  routeManager,
  billingManager,
  callManager,
  webhookManager,
  tagManager,
]
