import { once } from 'node:events'
import { createServer } from 'node:http'
import { sine, writeWav } from '@sidetone/e2e/phone'

/** A web server whose `<frequency>.wav` is 300 ms of that frequency; other paths are 404. */
export async function serveTones() {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url!)
    const frequency = /(\d+)\.wav$/.exec(request.url!)?.[1]
    if (!frequency) return response.writeHead(404).end()
    const file = writeWav(sine(Number(frequency), 300))
    response.writeHead(200, { 'content-type': 'audio/wav', 'content-length': file.length }).end(file)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('the web server has no port')
  return {
    /** Long as real ones are: Asterisk cuts the name of its temporary file to about the length of the URL. */
    url: (path: string) => `http://127.0.0.1:${address.port}/files/0190b5f0-0000-7000-8000-000000000000/${path}`,
    requests,
    close: () => server.close(),
  }
}
