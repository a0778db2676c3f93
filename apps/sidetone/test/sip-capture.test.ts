import { createPhone } from '@sidetone/e2e'
import { createSidetone } from '@sidetone/sdk'
import { expect, test } from 'vitest'
import { startForTest } from './harness.ts'

test('a call shows its SIP messages, without credentials, also as a file', async () => {
  const app = await startForTest()
  const sidetone = createSidetone({ baseUrl: app.url, token: app.accesskey })
  const server = { host: '127.0.0.1', port: app.sipPort! }
  const phone = await createPhone({ server, username: '1000', password: 'pass1000' })
  try {
    await phone.register()
    const dialled = await phone.call('sip:+15550100001@127.0.0.1')
    await dialled.answered
    await dialled.hangup()

    const [call] = (await sidetone.call.list()).result
    const analysis = () => sidetone.sip_message.analysis({ call_id: call!.id })
    const methods = async () => (await analysis()).sip_messages.map(({ method }) => method)
    await expect.poll(methods, { timeout: 5_000 }).toEqual(expect.arrayContaining(['INVITE', '200', 'ACK', 'BYE']))
    await expect.poll(async () => (await methods()).at(-1)).toBe('200')
    const { sip_messages, rtcp_stats } = await analysis()
    const [first] = sip_messages
    expect(first).toMatchObject({ method: 'INVITE', src_ip: '127.0.0.1', dst_port: app.sipPort, dst_ip: '127.0.0.1' })
    expect(rtcp_stats).toBeNull()
    const all = sip_messages.map(({ raw }) => raw).join('')
    expect(all).toMatch(/^(proxy-)?authorization: Digest \[masked\]$/im)
    expect(all).not.toContain('response=')

    const file = Buffer.from(await (await sidetone.sip_message.pcap({ call_id: call!.id })).arrayBuffer())
    expect(file.readUInt32LE(0)).toBe(0xa1b2c3d4)
    for (const { raw } of sip_messages) expect(file.includes(raw)).toBe(true)
  } finally {
    await phone.close()
    await app.close()
  }
}, 30_000)
