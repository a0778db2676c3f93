import { outsideHost, startExternalMedia, stopExternalMedia } from '../external-media.ts'
import { done, type MediaAction } from './action.ts'

export const externalMediaStart: MediaAction<'external_media_start'> = {
  async begin(core, call, option) {
    const external_host = await outsideHost(core, option.external_host)
    await startExternalMedia(core, call, { ...option, external_host })
    return done
  },
}

export const externalMediaStop: MediaAction<'external_media_stop'> = {
  async begin(core, call) {
    await stopExternalMedia(core, call)
    return done
  },
}
