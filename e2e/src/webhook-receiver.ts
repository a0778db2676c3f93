import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedWebhook {
  headers: Record<string, string>
  body: string
}

/** A customer's web server: keeps what it gets and answers as told. */
export async function startWebhookReceiver(answer: (webhook: ReceivedWebhook) => number = () => 204) {
  const received: ReceivedWebhook[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const webhook = { headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() }
    const status = answer(webhook)
    if (status < 300) received.push(webhook)
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    /** What was taken, in order of arrival. */
    received,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
