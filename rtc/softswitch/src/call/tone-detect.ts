import { type AudioSink, createBeepDetector, createToneDetector } from '../media/index.ts'
import { type Channel, emitChannel } from './channel.ts'
import type { Core } from './core.ts'

const defaultMs = 500
const maxFrequencyHz = 3900

interface Detector {
  heard: { rx: number; tx: number }
  stop(): void
}

const detectors = new WeakMap<Channel, Detector>()

/**
 * Asterisk's function TONE_DETECT(<Hz>[,<ms>[,<options>]]): tells each time a tone lasts so long, and counts; one detector for
 * each channel. Of its options `r` and `t` restrict it to what the phone says or hears, and `x` ends it. Beyond Asterisk,
 * `beep` instead of a frequency hears the end of an answering machine's beep, and the event carries the frequency.
 */
export function setToneDetect(core: Core, channel: Channel, given: string): void {
  const [tone = '', duration = '', options = ''] = given.split(',').map((part) => part.trim())
  const frequency = Number(tone)
  const isEnd = options.includes('x')
  if (!isEnd && tone !== 'beep' && !(frequency > 0 && frequency <= maxFrequencyHz)) return
  stopToneDetect(channel)
  if (isEnd) return
  const heard = { rx: 0, tx: 0 }
  const detect = (direction: 'rx' | 'tx'): AudioSink => {
    const report = (frequencyHz: number) => {
      heard[direction]++
      emitChannel(core, 'ChannelToneDetected', channel, { frequency: frequencyHz })
    }
    return tone === 'beep'
      ? createBeepDetector(report)
      : createToneDetector(frequency, Number(duration) || defaultMs, () => report(frequency))
  }
  const [received, sent] = [detect('rx'), detect('tx')]
  if (!options.includes('t')) channel.media.addSink(received)
  if (!options.includes('r')) channel.media.addSpeechSink(sent)
  detectors.set(channel, {
    heard,
    stop() {
      channel.media.removeSink(received)
      channel.media.removeSpeechSink(sent)
    },
  })
}

function stopToneDetect(channel: Channel): void {
  detectors.get(channel)?.stop()
  detectors.delete(channel)
}

/** How often it was heard; undefined without a detector. */
export const toneDetectCount = (channel: Channel, direction: string): string | undefined =>
  direction === 'rx' || direction === 'tx' ? detectors.get(channel)?.heard[direction].toString() : undefined
