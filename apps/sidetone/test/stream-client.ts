import { WebSocket } from 'ws'

/** An event, or an answer to what was sent. */
interface Frame {
  type: string
  id: unknown
  cursor: number
  resource_id: string
  [field: string]: unknown
}

export interface StreamClient {
  frames: Frame[]
  send: (frame: unknown) => void
  /** The next frame that fits, now or later. */
  wait: (fits: (frame: Frame) => boolean, timeoutMs?: number) => Promise<Frame>
  closed: Promise<number>
  close: () => void
}

/** A plain WebSocket client, as a customer would write one. */
export async function connectStream(url: string, query: string): Promise<StreamClient> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1.0/ws?${query}`)
  const frames: Frame[] = []
  const waiting = new Set<() => void>()
  socket.on('message', (data) => {
    frames.push(JSON.parse(String(data)))
    for (const check of waiting) check()
  })
  const closed = new Promise<number>((resolve) => socket.on('close', (code) => resolve(code)))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('unexpected-response', (_, response) => reject(new Error(`HTTP ${response.statusCode}`)))
    socket.once('error', reject)
  })
  return {
    frames,
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    wait: (fits, timeoutMs = 5_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => done(undefined, new Error(`no such frame among ${JSON.stringify(frames.map((f) => f.type))}`)),
          timeoutMs,
        )
        const check = () => {
          const found = frames.find(fits)
          if (found) done(found)
        }
        const done = (found: Frame | undefined, error?: Error) => {
          clearTimeout(timer)
          waiting.delete(check)
          if (found) resolve(found)
          else reject(error)
        }
        waiting.add(check)
        check()
      }),
    closed,
    close: () => socket.close(),
  }
}
