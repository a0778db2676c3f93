import { startExternalMedia, stopExternalMedia } from '../external-media.ts'
import { done, type MediaAction } from './action.ts'

export const externalMediaStart: MediaAction<'external_media_start'> = {
  async begin(core, call, option) {
    await startExternalMedia(core, call, option)
    return done
  },
}

export const externalMediaStop: MediaAction<'external_media_stop'> = {
  async begin(core, call) {
    await stopExternalMedia(core, call)
    return done
  },
}
