import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** What a request is answered with. */
export interface Reply {
  status: number
  body?: unknown
}

export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: string
}

/** A provider as tests see it, whichever it is. */
export interface ProviderDouble {
  name: 'telnyx' | 'twilio'
  url: string
  /** What lets the number manager buy there. */
  env: Record<string, string>
  /** Numbers that can be bought. */
  stock: (...numbers: string[]) => void
  /** Numbers that are ours, with our reference. */
  owned: () => Record<string, string>
  /** What the next requests to buy or give back meet: a status (with Retry-After), or an answer that is lost though all is done. */
  next: (...troubles: (Trouble | undefined)[]) => void
  close: () => void
}

type Trouble = { status: number; retryAfter?: number } | 'answer lost' | 'no answer'

/** A server that answers as `respond` says, with the troubles of a network and of a busy service. */
export async function startDouble({
  isAllowed,
  respond,
  error,
}: {
  isAllowed: (headers: IncomingMessage['headers']) => boolean
  respond: (asked: Asked) => Reply
  /** The body of an error. */
  error: (status: number, message: string) => unknown
}) {
  const troubles: (Trouble | undefined)[] = []
  const silent: ServerResponse[] = []
  const server = createServer(async (request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url!, 'http://provider')
    const { method = '', headers } = request
    const reply = ({ status, body }: Reply, more: Record<string, string> = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...more })
        .end(body === undefined ? undefined : JSON.stringify(body))
    const asked = { method, path, query, headers, body: await text(request) }
    if (!isAllowed(headers)) return reply({ status: 401, body: error(401, 'Authentication failed') })
    const trouble = method === 'GET' ? undefined : troubles.shift()
    if (typeof trouble === 'object') {
      const { status, retryAfter } = trouble
      const retry = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
      return reply({ status, body: error(status, 'trouble') }, retry)
    }
    if (trouble === 'no answer') return void silent.push(response)
    const answer = respond(asked)
    if (trouble === 'answer lost') return response.destroy()
    reply(answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: (...wanted: (Trouble | undefined)[]) => void troubles.splice(0, troubles.length, ...wanted),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
