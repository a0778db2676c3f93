import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const page = fileURLToPath(new URL('../../../docs/browser-phone.html', import.meta.url))

/** Serves docs/browser-phone.html on loopback, which browsers trust with a microphone, and JsSIP, which ships in parts. */
export async function servePage(port = 0) {
  const bundle = await rolldown({ input: 'jssip', platform: 'browser', cwd: import.meta.dirname })
  const { output } = await bundle.generate({ format: 'iife', name: 'JsSIP' })
  await bundle.close()
  const server = createServer(({ url }, response) => {
    const isScript = url === '/jssip.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? output[0].code : readFileSync(page))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

if (import.meta.main) console.log(`a phone for your browser: ${(await servePage(8090)).url}`)
