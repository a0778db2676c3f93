import type { AudioSource, Frame, Playing } from './types.ts'

interface Current {
  source: AudioSource
  paused: boolean
  finish(byItself: boolean): void
  fail(error: unknown): void
}

/** Plays one source at a time. */
export function createPlayer() {
  let current: Current | undefined
  let isClosed = false

  function end(which: Current, byItself: boolean) {
    if (current !== which) return
    current = undefined
    which.source.close?.()
    which.finish(byItself)
  }

  return {
    play(source: AudioSource): Playing {
      if (current) end(current, false)
      const { promise: done, resolve: finish, reject: fail } = Promise.withResolvers<boolean>()
      const mine: Current = { source, paused: false, finish, fail }
      current = mine
      if (isClosed) end(mine, false)
      return {
        done,
        stop: () => end(mine, false),
        pause: () => {
          mine.paused = true
        },
        resume: () => {
          mine.paused = false
        },
        skip(ms) {
          if (current === mine) source.skip?.(ms)
        },
      }
    },
    next(): Frame | null {
      if (!current || current.paused) return null
      const playing = current
      try {
        const frame = playing.source.next()
        if (!frame) end(playing, true)
        return frame
      } catch (error) {
        playing.fail(error)
        end(playing, false)
        return null
      }
    },
    /** Ends what plays and whatever is played after. */
    close() {
      isClosed = true
      if (current) end(current, false)
    },
  }
}
