import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStream } from '../../src/sip/stream-transport.ts'
import { readTlsIdentity } from '../../src/sip/tls-identity.ts'
import { writeCertificate } from './tls-files.ts'

let folder: string
const closing: (() => unknown)[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sip-renewal-'))
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  await rm(folder, { recursive: true })
})

const renewed = () => writeCertificate(folder, 'own', ['127.0.0.1'])

/** Listens with the certificate that the folder holds; `connected` is how one connects that believes this one alone. */
async function listenWith(files: { cert: string; key: string }) {
  const errors: unknown[] = []
  const tls = readTlsIdentity(files, { onError: (error) => errors.push(error), lookEveryMs: 20 })
  const nothing = () => {}
  const transport = await openStream({
    ...{ bind: '127.0.0.1', port: 0, tls },
    ...{ onPacket: nothing, onSendError: nothing, onMalformed: nothing, onFlowClosed: nothing },
  })
  closing.unshift(transport.close)
  async function connected({ pem }: { pem: { cert: string } }): Promise<TLSSocket> {
    const socket = connect({ host: '127.0.0.1', port: transport.port, ca: pem.cert })
    closing.unshift(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  return { tls, errors, connected }
}

test('who connects after the files were written anew sees the new certificate; who is connected stays', async () => {
  const first = await renewed()
  const { tls, connected } = await listenWith(first)
  const before = await connected(first)
  const client = tls.client()
  const second = await renewed()
  await expect.poll(() => connected(second).catch(() => undefined)).toBeDefined()
  await expect(connected(first)).rejects.toThrow()
  expect(tls.client()).not.toBe(client)
  expect(before.destroyed).toBe(false)
})

test('until both files are new the old ones stay in use, and it is said what is wrong', async () => {
  const first = await renewed()
  const { errors, connected } = await listenWith(first)
  const second = await writeCertificate(folder, 'next', ['127.0.0.1'])
  await writeFile(first.cert, second.pem.cert)
  await expect.poll(() => errors[0]).toMatchObject({ message: expect.stringContaining('SIP_TLS_KEY') })
  await connected(first)
  await writeFile(first.key, second.pem.key)
  await expect.poll(() => connected(second).catch(() => undefined)).toBeDefined()
})
