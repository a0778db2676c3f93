import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createAdmission, listen } from '../../src/sip/connections.ts'

const opened: (() => void)[] = []
afterEach(() => {
  for (const close of opened.splice(0)) close()
})

/** A server that admits two connections of each address; `arrive` opens one and tells whether it was. */
async function open() {
  const admission = createAdmission(2)
  const server = createServer()
  const port = await listen(server, { bind: '127.0.0.1', port: 0, onPacket: () => {}, onSendError: () => {} })
  opened.push(() => server.close(), admission.destroyAll)
  return async (localAddress: string) => {
    const client = connect({ port, host: '127.0.0.1', localAddress })
    opened.push(() => client.destroy())
    const [socket] = (await once(server, 'connection')) as [Socket]
    return { client, socket, admitted: admission.admit(socket) }
  }
}

test('an address that has all its connections gets no more until one closes; others get theirs', async () => {
  const arrive = await open()
  const first = await arrive('127.0.0.1')
  expect(first.admitted).toBe(true)
  expect((await arrive('127.0.0.1')).admitted).toBe(true)
  expect((await arrive('127.0.0.1')).admitted).toBe(false)
  expect((await arrive('127.0.0.2')).admitted).toBe(true)
  first.socket.destroy()
  await once(first.socket, 'close')
  expect((await arrive('127.0.0.1')).admitted).toBe(true)
  expect((await arrive('127.0.0.1')).admitted).toBe(false)
})
