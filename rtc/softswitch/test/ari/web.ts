import { once } from 'node:events'
import { createServer } from 'node:http'
import { sine, writeWav } from '@sidetone/e2e/phone'

// Of `/stairs.wav`: each for half a second.
const stairs = [400, 600, 800, 1000, 1200, 1400, 1600, 1800]

/** A web server whose `<frequency>.wav` is 300 ms of that frequency, and whose `stairs.wav` climbs; other paths are 404. */
export async function serveTones() {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url!)
    const samples = samplesOf(request.url!)
    if (!samples) return response.writeHead(404).end()
    const file = writeWav(samples)
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

function samplesOf(path: string): Int16Array | undefined {
  if (path.endsWith('/stairs.wav')) return Int16Array.from(stairs.flatMap((frequency) => [...sine(frequency, 500)]))
  const frequency = /(\d+)\.wav$/.exec(path)?.[1]
  return frequency === undefined ? undefined : sine(Number(frequency), 300)
}
