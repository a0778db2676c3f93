import { createConverter } from './convert.ts'
import { frameSamples } from './frame.ts'
import type { AudioSink, Frame } from './types.ts'

/** Those who get a stream's frames: at the stream's rate who takes that, the others at 8 kHz, converted once for all of them. */
export function createSinks() {
  const sinks = new Set<AudioSink>()
  const narrow = createConverter(frameSamples)
  return {
    write(frame: Frame) {
      let narrowed: Frame | undefined
      for (const sink of sinks) {
        if (!sink.takesWide) narrowed ??= narrow(frame)
        sink.write(narrowed && !sink.takesWide ? narrowed : frame)
      }
    },
    add: (sink: AudioSink) => void sinks.add(sink),
    remove: (sink: AudioSink) => void sinks.delete(sink),
    isEmpty: () => sinks.size === 0,
  }
}
