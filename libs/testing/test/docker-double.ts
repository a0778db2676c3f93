import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** As much of the Docker Engine API (v1.41) as starting one container takes. `publishedPort` is where its port is reached. */
export async function startDockerDouble({ publishedPort }: { publishedPort: number }) {
  const created: { Image: string; Env: string[]; ExposedPorts: object }[] = []
  let log: string[] = []
  let refusal: string | undefined

  async function answer(request: IncomingMessage): Promise<[status: number, body: object | Buffer]> {
    const url = new URL(request.url!, 'http://docker')
    const what = `${request.method} ${url.pathname.replace(/^\/v[\d.]+/, '')}`
    if (what === 'GET /info') return [200, { OperatingSystem: 'Double', ServerVersion: '27.0.0', OSType: 'linux' }]
    if (/^GET \/images\/.*\/json$/.test(what)) return [200, {}]
    if (what === 'GET /containers/json') return [200, []]
    if (what === 'POST /containers/create') {
      if (refusal) return [500, { message: refusal }]
      created.push((await json(request)) as (typeof created)[number])
      return [201, { Id: 'one', Warnings: [] }]
    }
    if (what === 'POST /containers/one/start') return [204, {}]
    if (what === 'GET /containers/one/json') return [200, inspected()]
    if (what === 'GET /containers/one/logs') return [200, Buffer.concat(log.map(logFrame))]
    return [404, { message: `the double knows no ${what}` }]
  }
  const inspected = () => ({
    Id: 'one',
    Name: '/one',
    Config: { Hostname: 'one', Labels: {}, ExposedPorts: created.at(-1)!.ExposedPorts },
    State: { Status: 'running', Running: true, StartedAt: new Date().toISOString(), FinishedAt: '' },
    NetworkSettings: {
      Networks: {},
      Ports: Object.fromEntries(
        Object.keys(created.at(-1)!.ExposedPorts).map((port) => [
          port,
          [{ HostIp: '0.0.0.0', HostPort: String(publishedPort) }],
        ]),
      ),
    },
  })

  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request)
    response.writeHead(status).end(status === 204 ? undefined : Buffer.isBuffer(body) ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    created,
    logs: (...lines: string[]) => {
      log = lines
    },
    refuses: (reason: string | undefined) => {
      refusal = reason
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Docker's frame of a line on stdout: which stream, three zeros, the length, the line. */
function logFrame(line: string): Buffer {
  const text = Buffer.from(`${line}\n`)
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(text.length, 4)
  return Buffer.concat([head, text])
}
