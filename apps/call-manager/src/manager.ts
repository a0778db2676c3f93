import { AsyncLocalStorage } from 'node:async_hooks'
import type { Client } from '@sidetone/contract'
import { defineManager, listen, react } from '@sidetone/manager'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { asteriskContract, asteriskContractOf } from '@sidetone/proto-schemas/asterisk'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { callContract } from '@sidetone/proto-schemas/call'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { directContract } from '@sidetone/proto-schemas/direct'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { numberContract } from '@sidetone/proto-schemas/number'
import { OutboundConfig } from '@sidetone/proto-schemas/outbound-config'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { routeContract } from '@sidetone/proto-schemas/route'
import { storageContract } from '@sidetone/proto-schemas/storage'
import { ttsContract } from '@sidetone/proto-schemas/tts'
import { resourceTable } from '@sidetone/store'
import { type Ari, ariOf } from './ari.ts'
import { onAriEvent } from './ari-events.ts'
import { defineCallJobs } from './call-jobs.ts'
import { CallRow, GroupcallRow, RecordingRow } from './call-row.ts'
import { changeCall, changeCalls } from './change-call.ts'
import { type Core, settings } from './core.ts'
import { defineCustomerJobs } from './customer-jobs.ts'
import { driveCall, signalCall } from './flow-loop.ts'
import { groupcallHandlers } from './groupcall-operations.ts'
import { applyToLeg } from './legs.ts'
import { migrations } from './migrations.ts'
import { callHandlers, recordingHandlers } from './operations.ts'
import { outboundConfigHandlers } from './outbound-configs.ts'

export const callManager = defineManager({
  contract: callContract,
  settings,
  migrations,
  build({ client, ...resources }) {
    const { log } = resources
    const nodes = new Map<string, Ari>()
    const running = new Set<Promise<void>>()
    // Work in the background must not end with the request that began it.
    const outside = AsyncLocalStorage.snapshot()

    const core: Core = {
      ...resources,
      calls: resourceTable(CallRow, 'call_call'),
      groupcalls: resourceTable(GroupcallRow, 'call_groupcall'),
      outboundConfigs: resourceTable(OutboundConfig, 'call_outbound_config'),
      recordings: resourceTable(RecordingRow, 'call_recording'),
      managers: {
        agent: client(agentContract),
        billing: client(billingContract),
        customer: client(customerContract),
        direct: client(directContract),
        flow: client(flowContract),
        number: client(numberContract),
        registrar: client(registrarContract),
        route: client(routeContract),
        storage: client(storageContract),
        tts: client(ttsContract),
      },
      ari(asteriskId) {
        const contract = asteriskId ? asteriskContractOf(asteriskId) : asteriskContract
        const known = nodes.get(asteriskId) ?? ariOf(client(contract) as Client<typeof asteriskContract>)
        nodes.set(asteriskId, known)
        return known
      },
      change: (id, decide) => changeCall(core, id, decide),
      changeAll: (ids, decide) => changeCalls(core, ids, decide),
      apply: (id, event) => applyToLeg(core, id, event),
      signal: (id, signal, turn) => signalCall(core, id, signal, turn),
      drive: (id) => core.inBackground(() => driveCall(core, id)),
      inBackground(work) {
        const run = outside(work)
          .catch((err: unknown) => log.error({ err }, 'work on a call failed'))
          .then(() => void running.delete(run))
        running.add(run)
      },
    }
    defineCallJobs(core)
    defineCustomerJobs(core)

    return {
      handlers: {
        call: callHandlers(core),
        groupcall: groupcallHandlers(core),
        recording: recordingHandlers(core),
        outbound_config: outboundConfigHandlers(core),
        dtmf: {},
      },
      purges: {
        call: core.calls,
        groupcall: core.groupcalls,
        outbound_config: core.outboundConfigs,
        recording: core.recordings,
        dtmf: null,
      },
      reactions: [
        listen(asteriskContract, 'ari', 'received', (data, envelope) => onAriEvent(core, envelope, data)),
        listen(flowContract, 'activeflow', 'updated', async ({ id, status, reference_type, reference_id }) => {
          if (status !== 'ended' || reference_type !== 'call') return
          const call = await core.calls.find(core.store, '*', reference_id)
          if (call?.activeflow_id === id) await core.apply(call.id, { type: 'hang_up', cause: 16 })
        }),
        react(customerContract, 'customer', 'frozen', (tx, { id: customer_id }) =>
          core.jobs.enqueue(tx, 'call.customer_hang_up', { customer_id }),
        ),
        react(customerContract, 'customer', 'deleted', (tx, { id: customer_id }) =>
          core.jobs.enqueue(tx, 'call.customer_remove', { customer_id }),
        ),
      ],
      async stop() {
        while (running.size > 0) await Promise.all(running)
      },
    }
  },
})
