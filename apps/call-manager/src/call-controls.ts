import { type Handlers, internalIdentity, nilId, type OperationContext } from '@sidetone/contract'
import type { callContract } from '@sidetone/proto-schemas/call'
import { newId } from '@sidetone/store'
import { answerCall } from './actions/answer.ts'
import { setMute } from './actions/mute.ts'
import { AriRefused } from './ari.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { ExternalMediaRefused, startExternalMedia, stopExternalMedia } from './external-media.ts'

type Handler = Handlers<typeof callContract>['call']
type Controls = Pick<
  Handler,
  | 'external_media_start'
  | 'external_media_stop'
  | 'hold'
  | 'unhold'
  | 'moh_start'
  | 'moh_stop'
  | 'silence_start'
  | 'silence_stop'
  | 'mute'
  | 'unmute'
  | 'talk'
>
type Fail = OperationContext<'CALL_NOT_FOUND' | 'CALL_STATE_INVALID'>['fail']

/** What is done to a call from outside while its flow runs. */
export function callControls(core: Core): Controls {
  async function answered(id: string, { scope, fail }: { scope: string; fail: Fail }): Promise<CallRow> {
    const call = await core.calls.find(core.store, scope, id)
    if (!call) throw fail('CALL_NOT_FOUND')
    if (call.status === 'progressing') return call
    throw fail('CALL_STATE_INVALID', { message: `The call is ${call.status}; that takes one that is answered.` })
  }

  /** A call may end at any time, or have all that it may have. */
  const unlessRefused = (fail: Fail) => (error: unknown) => {
    if (error instanceof AriRefused && error.status === 404) throw fail('CALL_STATE_INVALID')
    if (error instanceof ExternalMediaRefused) throw fail('CALL_STATE_INVALID', { message: error.message })
    throw error
  }

  const switching =
    (how: 'switchOn' | 'switchOff', what: 'hold' | 'moh' | 'silence'): Controls['hold'] =>
    async ({ id }, context) => {
      const { asterisk_id, channel_id } = await answered(id, context)
      await core.ari(asterisk_id)[how](channel_id, what).catch(unlessRefused(context.fail))
      return {}
    }

  const muting =
    (on: boolean): Controls['mute'] =>
    async ({ id, direction }, context) => {
      await setMute(core, await answered(id, context), direction || 'both', on).catch(unlessRefused(context.fail))
      return {}
    }

  return {
    hold: switching('switchOn', 'hold'),
    unhold: switching('switchOff', 'hold'),
    moh_start: switching('switchOn', 'moh'),
    moh_stop: switching('switchOff', 'moh'),
    silence_start: switching('switchOn', 'silence'),
    silence_stop: switching('switchOff', 'silence'),
    mute: muting(true),
    unmute: muting(false),

    async external_media_start({ id, ...options }, context) {
      const call = await answered(id, context)
      const external_media_id = await startExternalMedia(core, call, options).catch(unlessRefused(context.fail))
      return { external_media_id }
    },

    async external_media_stop({ id, external_media_id }, { scope, fail }) {
      const call = await core.calls.find(core.store, scope, id)
      if (!call) throw fail('CALL_NOT_FOUND')
      await stopExternalMedia(core, call, external_media_id === nilId ? undefined : [external_media_id])
      return {}
    },

    async talk({ id, ...speech }, { scope, fail }) {
      const call = await core.calls.find(core.store, scope, id)
      if (!call) throw fail('CALL_NOT_FOUND')
      if (call.direction === 'outgoing' || call.status !== 'ringing') await answered(id, { scope, fail })
      const identity = internalIdentity(call.customer_id)
      const { uri } = await core.managers.tts.speech.synthesize(speech, { identity })
      await answerCall(core, call).catch(unlessRefused(fail))
      const playbackId = `talk-${newId()}`
      await core.ari(call.asterisk_id).play(call.channel_id, playbackId, `sound:${uri}`).catch(unlessRefused(fail))
      return {}
    },
  }
}
