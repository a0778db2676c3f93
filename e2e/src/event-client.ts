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
}: {
  url: string
  accesskey: string
  customerId: string
}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1.0/ws?accesskey=${accesskey}`)
  const frames: Frame[] = []
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('open', () => socket.send(JSON.stringify({ type: 'subscribe', topics: [`customer_id:${customerId}`] })))
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === 'subscribed') resolve()
      else frames.push(frame)
    })
  })
  return { frames, close: () => socket.close() }
}
