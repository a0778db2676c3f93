import type { MediaAction } from './action.ts'
import { onPlaying, startPlaying } from './playing.ts'

export const play: MediaAction<'play'> = {
  async begin(core, _call, { stream_urls }) {
    const media = stream_urls.filter((url) => url !== '').map((url) => `sound:${url}`)
    return media.length > 0 ? startPlaying(core, media) : { leave: true }
  },
  on: (core, call, _option, signal) => onPlaying(core, call, signal),
}

export const beep: MediaAction<'beep'> = {
  begin: async (core) => startPlaying(core, ['sound:beep']),
  on: (core, call, _option, signal) => onPlaying(core, call, signal),
}
