import { WebSocket } from 'ws'

export interface Frame {
  id: string
  type: string
  resource: string
  resource_id: string
  sequence: number
  cursor: number
  data: Record<string, unknown>
}

/** A customer's event stream: everything that happens to one customer, in order. */
export async function openEvents({
  url,
  accesskey,
  customerId,
  cursor,
}: {
  url: string
  accesskey: string
  customerId: string
  /** Begin after this event; absent: from now on. */
  cursor?: number
}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1.0/ws?accesskey=${accesskey}`)
  const frames: Frame[] = []
  /** With which code the connection ended. */
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    const subscribe = { type: 'subscribe', topics: [`customer_id:${customerId}`], cursor }
    socket.once('open', () => socket.send(JSON.stringify(subscribe)))
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === 'subscribed') resolve()
      else frames.push(frame)
    })
  })
  return { frames, closed, close: () => socket.close() }
}
