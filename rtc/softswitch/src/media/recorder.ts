import { type FileHandle, open } from 'node:fs/promises'
import { frameMs, frameSamples, silence } from './frame.ts'
import type { AudioSink, Frame, RecorderOptions, RecorderResult } from './types.ts'
import { wavHeader, wavHeaderBytes } from './wav.ts'

type RecordingEnd = 'stopped' | 'maxDuration' | 'maxSilence' | 'error'

export interface Recorder extends AudioSink {
  /** The second frame is for a recording of two channels. */
  write(frame: Frame, right?: Frame): void
  /** Ends the recording; rejects with the disk's error when there was one. */
  stop(): Promise<RecorderResult>
  pause(): void
  resume(): void
  /** Why it ended, once the file is complete. */
  ended: Promise<RecordingEnd>
}

// Once a second the audio goes to the file, then the header is brought up to it: a crash leaves a valid file.
const chunkFrames = 1000 / frameMs
// A disk that takes nothing for this long has failed.
const maxWaitingChunks = 60
const maxDataBytes = 0xffffffff - wavHeaderBytes

// Mean level of a frame below which Asterisk, too, takes it for silence (dsp.conf, silencethreshold).
const silenceThreshold = 256

function isSilent(frame: Frame): boolean {
  let sum = 0
  for (let i = 0; i < frameSamples; i++) sum += Math.abs(frame[i]!)
  return sum < silenceThreshold * frameSamples
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number) {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
}

/** Records to a WAV file, 8 kHz 16-bit: a sink gets one frame per tick, so the file keeps the time of the clock on the wall. */
export function recordWav({ path, maxDurationMs, maxSilenceMs, channels = 1 }: RecorderOptions): Recorder {
  const frameBytes = 2 * frameSamples * channels
  const maxFrames = Math.floor(maxDataBytes / frameBytes)
  const durationLimit = Math.min(Math.ceil((maxDurationMs || Number.POSITIVE_INFINITY) / frameMs), maxFrames)
  const silenceLimit = Math.ceil((maxSilenceMs || Number.POSITIVE_INFINITY) / frameMs)
  let chunk = Buffer.alloc(chunkFrames * frameBytes)
  let chunkUsed = 0
  let waitingChunks = 0
  let writtenBytes = 0
  let frames = 0
  let talkingFrames = 0
  let silentFrames = 0
  let paused = false
  let reason: RecordingEnd | undefined
  const { promise: result, resolve, reject } = Promise.withResolvers<RecorderResult>()

  const opened = open(path, 'w')
  let disk: Promise<void> = opened.then((file) => writeAll(file, wavHeader(0, channels), 0))
  disk.catch(() => end('error'))

  function flush() {
    if (chunkUsed === 0) return
    const bytes = chunk.subarray(0, chunkUsed)
    chunk = Buffer.alloc(chunkFrames * frameBytes)
    chunkUsed = 0
    waitingChunks++
    disk = disk.then(async () => {
      const file = await opened
      await writeAll(file, bytes, wavHeaderBytes + writtenBytes)
      writtenBytes += bytes.length
      await writeAll(file, wavHeader(writtenBytes, channels), 0)
      waitingChunks--
    })
    disk.catch(() => end('error'))
  }

  function end(why: RecordingEnd) {
    if (reason) return
    reason = why
    if (why !== 'error') flush()
    finish().then(resolve, (error: unknown) => {
      reason = 'error'
      reject(new Error(`the recording ${path} failed: ${(error as Error).message}`, { cause: error }))
    })
  }

  async function finish(): Promise<RecorderResult> {
    try {
      await disk
    } finally {
      await opened.then((file) => file.close())
    }
    const sizeBytes = wavHeaderBytes + writtenBytes
    return { path, durationMs: frames * frameMs, talkingMs: talkingFrames * frameMs, sizeBytes }
  }

  return {
    ended: result.then(
      () => reason!,
      () => 'error' as const,
    ),
    write(frame, right = silence) {
      if (paused || reason) return
      if (waitingChunks > maxWaitingChunks) {
        disk = Promise.reject(new Error('the disk is too slow'))
        end('error')
        return
      }
      for (let i = 0; i < frameSamples; i++) {
        chunkUsed = chunk.writeInt16LE(frame[i]!, chunkUsed)
        if (channels === 2) chunkUsed = chunk.writeInt16LE(right[i]!, chunkUsed)
      }
      if (chunkUsed === chunk.length) flush()
      frames++
      if (isSilent(frame) && isSilent(right)) silentFrames++
      else {
        silentFrames = 0
        talkingFrames++
      }
      if (frames >= durationLimit) end('maxDuration')
      else if (silentFrames >= silenceLimit) end('maxSilence')
    },
    stop() {
      end('stopped')
      return result
    },
    pause() {
      paused = true
    },
    resume() {
      paused = false
    },
  }
}
