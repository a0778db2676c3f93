import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gatewaySettings, startGateway } from '../src/gateway.ts'

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [] })
})
afterAll(() => app.close())

const start = (drainMs: number, port = 0) =>
  startGateway({
    ...app.platform,
    ...{ port, drainMs, version: '0.0.0', settings: gatewaySettings.parse({}), jwtKey: app.platform.derivedKey('jwt') },
  })

/** A connection that has sent this, and when it has ended. */
async function client(port: number, text: string) {
  const socket = connect(port, '127.0.0.1')
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve('ended')))
  socket.on('error', () => {})
  socket.resume()
  await new Promise((resolve) => socket.write(text, resolve))
  await sleep(50)
  return { ended }
}

const half = 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"username":'

test('a request that never arrives in full holds a shutdown up no longer than the drain time', async () => {
  const gateway = await start(200)
  const silent = await client(gateway.port, half)
  await gateway.close()
  expect(await silent.ended).toBe('ended')
})

test('a port in use is named with its setting', async () => {
  const gateway = await start(200)
  await expect(start(200, gateway.port)).rejects.toThrow(`${gateway.port} is in use; set HTTP_PORT`)
  await gateway.close()
})

test('a connection that is not in use is kept open for longer than load balancers keep it', async () => {
  const gateway = await start(200)
  const { headers } = await fetch(`http://127.0.0.1:${gateway.port}/openapi.json`)
  const [, seconds] = /timeout=(\d+)/.exec(headers.get('keep-alive') ?? '') ?? []
  expect(Number(seconds)).toBeGreaterThan(60)
  await gateway.close()
})
