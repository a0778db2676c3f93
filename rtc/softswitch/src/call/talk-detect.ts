import { type Channel, emitChannel } from './channel.ts'
import type { Core } from './core.ts'

const frameMs = 20
const defaultSilenceMs = 2_500
const defaultThreshold = 256

const stops = new WeakMap<Channel, () => void>()

/**
 * Asterisk's function TALK_DETECT: tells when the peer begins and ceases to talk. `set` takes
 * `<ms of silence that end the talking>,<average magnitude of talking>`; `remove` ends it.
 */
export function setTalkDetect(core: Core, channel: Channel, how: 'set' | 'remove', value: string): void {
  stops.get(channel)?.()
  stops.delete(channel)
  if (how === 'remove') return
  const [silenceMs, threshold] = value.split(',').map(Number)
  const silentLimit = (silenceMs || defaultSilenceMs) / frameMs
  const loud = threshold || defaultThreshold
  let talking = 0
  let silent = 0

  const sink = {
    write(frame: Int16Array) {
      let sum = 0
      for (let i = 0; i < frame.length; i++) sum += Math.abs(frame[i]!)
      const isLoud = sum >= loud * frame.length
      if (talking === 0 && !isLoud) return
      if (talking === 0) emitChannel(core, 'ChannelTalkingStarted', channel)
      talking++
      silent = isLoud ? 0 : silent + 1
      if (silent < silentLimit) return
      emitChannel(core, 'ChannelTalkingFinished', channel, { duration: (talking - silent) * frameMs })
      talking = 0
      silent = 0
    },
  }
  channel.media.addSink(sink)
  stops.set(channel, () => channel.media.removeSink(sink))
}
