import { internalIdentity } from '@sidetone/contract'
import { done, type MediaAction } from './action.ts'
import { answerCall } from './answer.ts'
import { onPlaying, playbackId, startPlaying, stopPlaying } from './playing.ts'

export const talk: MediaAction<'talk'> = {
  async begin(core, call, option) {
    const { text, language, voice_id, provider } = option
    const identity = internalIdentity(call.customer_id)
    const [{ uri }] = await Promise.all([
      core.managers.tts.speech.synthesize({ text, language, voice_id, provider }, { identity }),
      answerCall(core, call),
    ])
    const media = `sound:${uri}`
    if (option.async) {
      await core.ari(call.asterisk_id).play(call.channel_id, playbackId(call, 0), media)
      return done
    }
    return startPlaying(core, [media])
  },

  on(core, call, { digits_handle }, signal) {
    if (signal.type !== 'digit' || digits_handle !== 'next') return onPlaying(core, call, signal)
    // The flow may branch on the digits at once, and a digits_receive may still take them.
    return {
      leave: true,
      digits: call.typed,
      set: { shown: call.typed.length },
      after: () => stopPlaying(core, call),
    }
  },
}
