import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

type Thing = Record<string, unknown> & { id: string }

/** The part of Telnyx's API v2 that `/providers/setup` uses, as https://developers.telnyx.com/api-reference describes it. */
export async function startTelnyx(apiKey: string) {
  const things = new Map<string, Thing[]>([
    ['outbound_voice_profiles', []],
    ['fqdn_connections', []],
    ['fqdns', []],
  ])
  let failing: { path: string; status: number } | undefined
  const held: ServerResponse[] = []
  let lastId = 1_293_384_261

  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://telnyx')
    const [, path = '', id] = url.pathname.split('/')
    const reply = (status: number, data: unknown) => {
      const body = status < 300 ? { data } : { errors: [{ code: '10015', title: 'Bad Request', detail: data }] }
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (request.headers.authorization !== `Bearer ${apiKey}`) return reply(401, 'Authentication failed')
    const list = things.get(path)
    if (!list) return reply(404, 'no such path')
    const failure = failing?.path === path ? failing.status : undefined
    if (request.method === 'POST' && failure) return reply(failure, 'fqdn is taken')
    if (request.method === 'POST') {
      const made = { ...((await json(request)) as object), id: String(lastId++) }
      list.push(made)
      if (failure === 0) return void held.push(response)
      return reply(201, made)
    }
    if (request.method === 'DELETE') {
      const at = list.findIndex((one) => one.id === id)
      if (at < 0) return reply(404, 'not found')
      return reply(200, list.splice(at, 1)[0])
    }
    const [[filter = '', wanted = ''] = []] = url.searchParams
    const field = /^filter\[(\w+)\](?:\[contains\])?$/.exec(filter)?.[1] ?? 'none'
    reply(
      200,
      list.filter((one) =>
        filter.endsWith('[contains]') ? String(one[field]).includes(wanted) : one[field] === wanted,
      ),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    of: (path: 'outbound_voice_profiles' | 'fqdn_connections' | 'fqdns') => things.get(path)!,
    count: () => Array.from(things.values()).flat().length,
    /** Answers creations there with this status from now on; 0: creates, and says nothing until `hangUp`. */
    fail(path: string, status: number) {
      failing = { path, status }
    },
    hangUp() {
      for (const response of held.splice(0)) response.destroy()
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
