import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

/** Stands between a platform and its RTC node, and sees what the platform asks for. */
export interface AriRelay {
  port: number
  /** Calls `then` once, when something that fits is asked; what is asked from then on is lost. */
  cutAt: (request: RegExp, then: () => void) => void
  close: () => void
}

export async function startAriRelay(ariUrl: string): Promise<AriRelay> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  let cut: { request: RegExp; then: () => void } | undefined

  server.on('connection', (near, { url, headers }) => {
    const far = new WebSocket(new URL(url!, ariUrl.replace(/^http/, 'ws')), {
      headers: { authorization: headers.authorization! },
    })
    const open = once(far, 'open')
    let isCut = false
    near.on('message', async (data) => {
      const text = String(data)
      if (cut?.request.test(text)) {
        isCut = true
        cut.then()
        cut = undefined
      }
      if (isCut) return
      await open
      far.send(text)
    })
    far.on('message', (data) => near.send(String(data)))
    near.on('close', () => far.close())
    far.on('close', () => near.close())
  })

  return {
    port: (server.address() as AddressInfo).port,
    cutAt(request, then) {
      cut = { request, then }
    },
    close() {
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}
