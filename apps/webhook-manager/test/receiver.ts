import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as it came. */
export interface Received {
  method: string
  path: string
  headers: Record<string, string>
  body: string
}

/** A customer's web server. `answer` may write the answer itself, or never; a number is the status. */
export async function startReceiver(answer: (request: Received, response: ServerResponse) => number | undefined) {
  const requests: Received[] = []
  const accepted: Received[] = []
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const { method = '', url: path = '', headers } = incoming
    const request = { method, path, headers: headers as Record<string, string>, body: Buffer.concat(chunks).toString() }
    requests.push(request)
    const status = answer(request, response)
    if (status === undefined) return
    if (status < 300) accepted.push(request)
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** Those that got a 2xx, in order. */
    accepted,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
