import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { done, type MediaAction } from './action.ts'
import { answerCall } from './answer.ts'

const bridgeId = ({ id, turn }: CallRow): string => `bridge-${id}-${turn}`
const echoChannelId = ({ id, turn }: Pick<CallRow, 'id' | 'turn'>): string => `echo-${id}-${turn}`

export function parseEchoChannelId(text: string): { id: string; turn: number } | undefined {
  const [, id, turn] = /^echo-([0-9a-f-]{36})-(\d+)$/.exec(text) ?? []
  return id ? { id, turn: Number(turn) } : undefined
}

async function tearDown(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  await ari.destroyBridge(bridgeId(call))
  await ari.hangUp(echoChannelId(call), 16)
}

/** Puts the call into a bridge with a channel that sends back what it hears. */
export const echo: MediaAction<'echo' | 'stream_echo'> = {
  passesDigits: true,

  async begin(core, call, { duration }) {
    await answerCall(core, call)
    return {
      set: { typed: '', shown: 0 },
      timerMs: duration,
      async after() {
        const ari = core.ari(call.asterisk_id)
        await ari.createBridge(bridgeId(call))
        await ari.join(bridgeId(call), [call.channel_id])
        await ari.originate({ channelId: echoChannelId(call), endpoint: 'Local/echo@svc-echo', timeoutSeconds: 10 })
      },
    }
  },

  on(core, call, _option, signal) {
    if (signal.type === 'timer') return { ...done, after: () => tearDown(core, call) }
    if (signal.type !== 'echo_ready') return undefined
    return { after: () => core.ari(call.asterisk_id).join(bridgeId(call), [echoChannelId(call)]) }
  },

  end: tearDown,
}
