import { once } from 'node:events'
import { sampleRateHz, strongestTone } from '@sidetone/e2e/phone'
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import type { Json } from './ari-client.ts'

/** An application at the end of an external media: what it was told, and what it heard in `slin`. */
export function mediaSocketClient(ws: WebSocket, { json = true } = {}) {
  const told: Json[] = []
  const audio: Buffer[] = []
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) audio.push(data)
    else told.push(json ? JSON.parse(String(data)) : String(data))
  })
  const closed = once(ws, 'close').then(([code]) => code as number)
  closed.catch(() => {}) // one that is refused does not close
  const heard = (ms: number) => {
    const bytes = Buffer.concat(audio).subarray((-ms * 2 * sampleRateHz) / 1000)
    return Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i))
  }
  return {
    ws,
    told,
    audio,
    closed,
    command: (command: string, argument?: string, name = 'correlation_id') =>
      ws.send(
        json
          ? JSON.stringify({ command, ...(argument !== undefined && { [name]: argument }) })
          : [command, argument].filter(Boolean).join(' '),
      ),
    /** Sends samples at once, in one message. */
    say(samples: Int16Array) {
      const bytes = Buffer.alloc(2 * samples.length)
      for (const [i, sample] of samples.entries()) bytes.writeInt16LE(sample, 2 * i)
      ws.send(bytes)
    },
    /** The first message of that kind, past or to come. */
    next: (wanted: string | RegExp) =>
      expect
        .poll(() => told.find((message) => isLike(message, wanted)), { timeout: 3000, interval: 10 })
        .toBeTruthy()
        .then(() => told.find((message) => isLike(message, wanted))),
    waitForTone: (frequency: number) =>
      expect
        .poll(() => (audio.length < 10 ? 0 : strongestTone(heard(150)).frequency), { timeout: 3000, interval: 20 })
        .toBeCloseTo(frequency, -2),
  }
}

const isLike = (message: Json, wanted: string | RegExp): boolean => {
  const text = typeof message === 'string' ? message : message.event
  return typeof wanted === 'string' ? text.split(' ')[0] === wanted : wanted.test(text)
}

export async function connectMediaSocket(ariUrl: string, connectionId: string, options = {}) {
  const ws = new WebSocket(`${ariUrl.replace('http', 'ws').replace(/\/ari$/, '')}/media/${connectionId}`, 'media')
  const client = mediaSocketClient(ws, options)
  await once(ws, 'open')
  return client
}
