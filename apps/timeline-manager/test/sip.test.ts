import { type EventEnvelope, nilId } from '@sidetone/contract'
import { type Call, callContract } from '@sidetone/proto-schemas/call'
import { timelineContract } from '@sidetone/proto-schemas/timeline'
import { newId, timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, scripted, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { timelineManager } from '../src/manager.ts'
import { openSipLog } from '../src/sip/sip-log.ts'

const [acme, rival] = [someId(1), someId(2)]
const secondMs = 1_000
const nobody = { type: '' as const, target: '', target_name: '', name: '', detail: '' }
const call: Call = {
  id: someId(7),
  customer_id: acme,
  asterisk_id: 'node-1',
  channel_id: '1700000000.1',
  ...{ owner_type: '', owner_id: nilId, flow_id: nilId, activeflow_id: nilId, type: 'flow', master_call_id: nilId },
  ...{ chained_call_ids: [], recording_id: nilId, recording_ids: [], groupcall_id: nilId, metadata: {} },
  ...{ source: nobody, destination: nobody, status: 'hangup', direction: 'incoming', mute_direction: '' },
  action: { id: nilId, next_id: nilId, type: 'answer', option: {}, tm_execute: null },
  ...{ hangup_by: 'remote', hangup_reason: 'normal', quality: null, tm_ringing: null, tm_progressing: null },
  ...{ tm_create: timeAfter(-60 * secondMs), tm_update: null, tm_delete: null, tm_hangup: timeAfter(-30 * secondMs) },
}

const calls = scripted(callContract, {
  call: {
    async get({ id }, { customer_id, fail }) {
      if (id !== call.id || customer_id !== acme) throw fail('CALL_NOT_FOUND')
      return call
    },
  },
})

describe.each(await testDatabases('captured SIP messages'))('on $name', ({ create }) => {
  let app: TestPlatform
  beforeEach(async () => {
    app = await startTestPlatform({ managers: [calls, timelineManager], database: await create() })
  })
  afterEach(() => app.close())

  const sip = (customer = acme) => app.as(timelineContract, adminOf(customer)).sip_message
  const message = ({ at = -45, sip_call_id = 'a@b', raw = 'INVITE sip:a SIP/2.0\r\n\r\n', ip = '192.0.2.1' } = {}) => ({
    id: newId(),
    sip_call_id,
    timestamp: timeAfter(at * secondMs),
    method: 'INVITE',
    ...{ src_ip: ip, src_port: 5060, dst_ip: ip.includes(':') ? '::1' : '198.51.100.2', dst_port: 5062 },
    raw,
  })
  const nodeTells = (channel: object, type = 'StasisStart', asterisk_id = call.asterisk_id) =>
    app.platform.transport.publish({
      id: newId(),
      type: 'ari_received',
      publisher: 'asterisk',
      customer_id: nilId,
      owner_id: nilId,
      resource: 'ari',
      resource_id: 'x',
      sequence: 1,
      time: timeAfter(0),
      data: { id: 'x', customer_id: nilId, asterisk_id, event: { type, channel } },
    } satisfies EventEnvelope)
  const leg = { id: call.channel_id, protocol_id: 'a@b' }
  const shown = async () => (await sip().analysis({ call_id: call.id })).sip_messages.map(({ raw }) => raw)

  test('the messages of a call are those with the Call-ID of one of its legs, oldest first', async () => {
    await nodeTells(leg)
    await nodeTells(leg, 'ChannelDestroyed')
    await nodeTells({ id: `${call.id}-2`, protocol_id: 'second way' }, 'ChannelStateChange')
    await nodeTells({ id: call.channel_id, protocol_id: 'of another node' }, 'StasisStart', 'node-2')
    await nodeTells({ id: 'of another call', protocol_id: 'other' })
    const late = message({ at: -40, raw: 'late' })
    await sip().append({
      messages: [
        late,
        message({ at: -50, raw: 'early' }),
        message({ at: -41, raw: 'second', sip_call_id: 'second way' }),
      ],
    })
    await sip().append({
      messages: [message({ raw: 'x', sip_call_id: 'other' }), message({ raw: 'y', sip_call_id: 'of another node' })],
    })
    expect(await shown()).toEqual(['early', 'second', 'late'])
    const { id: _, sip_call_id: _2, ...visible } = late
    expect((await sip().analysis({ call_id: call.id })).sip_messages.at(-1)).toEqual(visible)
  })

  test('two calls with one Call-ID at the same time see nothing of each other', async () => {
    await nodeTells(leg)
    await nodeTells({ id: `${call.id}-2`, protocol_id: 'own' })
    const messages = [message({ raw: 'whose?' }), message({ raw: 'mine', sip_call_id: 'own' })]
    await sip().append({ messages })
    expect(await shown()).toEqual(['whose?', 'mine'])
    await nodeTells({ id: 'of another call', protocol_id: leg.protocol_id }, 'StasisStart', 'node-2')
    expect(await shown()).toEqual(['mine'])
  })

  test('messages with the same Call-ID from another time are not of this call', async () => {
    await nodeTells(leg)
    await sip().append({ messages: [-3_600, -45, -25, 3_600].map((at) => message({ at, raw: String(at) })) })
    expect(await shown()).toEqual(['-45', '-25'])
  })

  test('what is sent twice is kept once', async () => {
    await nodeTells(leg)
    const messages = [message(), message()]
    await sip().append({ messages })
    await sip().append({ messages })
    expect(await shown()).toHaveLength(2)
  })

  test('another customer’s call is not found', async () => {
    const missing = { reason: 'CALL_NOT_FOUND', status: 'NOT_FOUND' }
    await expect(sip(rival).analysis({ call_id: call.id })).rejects.toMatchObject(missing)
    await expect(sip(rival).pcap({ call_id: call.id })).rejects.toMatchObject(missing)
  })

  test('how well it was heard is what the last message with X-RTP-Stat says', async () => {
    await nodeTells(leg)
    const stat = (mos: string) =>
      `BYE sip:a SIP/2.0\r\nX-RTP-Stat: MOS=${mos};Jitter=2;PacketLossPct=0.5;RTT=40;RTPStat=RTP: 160 bytes, 3 packets, 1 errors; RTCP: 90 bytes, 2 packets, 0 errors\r\n\r\n`
    await sip().append({ messages: [message()] })
    expect((await sip().analysis({ call_id: call.id })).rtcp_stats).toBeNull()
    await sip().append({ messages: [message({ raw: stat('4.3'), at: -31 }), message({ raw: stat('1.0'), at: -33 })] })
    expect((await sip().analysis({ call_id: call.id })).rtcp_stats).toEqual({
      ...{ mos: 4.3, jitter: 2, packet_loss_pct: 0.5, rtt: 40 },
      ...{ rtp_bytes: 160, rtp_packets: 3, rtp_errors: 1, rtcp_bytes: 90, rtcp_packets: 2, rtcp_errors: 0 },
    })
  })

  test('what is older than it is kept goes', async () => {
    await nodeTells(leg)
    await sip().append({ messages: [message()] })
    const log = openSipLog(app.platform.store)
    await log.purge(timeAfter(-60 * secondMs))
    expect(await shown()).toHaveLength(1)
    await log.purge(timeAfter(60 * secondMs))
    expect(await shown()).toEqual([])
    await sip().append({ messages: [message()] })
    expect(await shown(), 'nobody knows the leg any more').toEqual([])
  })

  test('the file is one that Wireshark reads: IPv4, IPv6, odd lengths, right checksums', async () => {
    await nodeTells(leg)
    const sent = [message({ raw: 'odd', at: -50 }), message({ raw: 'grüß', at: -49, ip: '2001:db8::1' })]
    await sip().append({ messages: sent })
    const { base64 } = await sip().pcap({ call_id: call.id })
    const file = Buffer.from(base64, 'base64')
    expect([file.readUInt32LE(0), file.readUInt16LE(4), file.readUInt16LE(6), file.readUInt32LE(20)]).toEqual([
      0xa1b2c3d4, 2, 4, 101,
    ])
    const packets: { time: number; packet: Buffer }[] = []
    for (let at = 24; at < file.length; ) {
      const length = file.readUInt32LE(at + 8)
      packets.push({
        time: file.readUInt32LE(at) * 1e6 + file.readUInt32LE(at + 4),
        packet: file.subarray(at + 16, at + 16 + length),
      })
      at += 16 + length
    }
    expect(packets.map(({ time }) => Math.floor(time / 1e3))).toEqual(
      sent.map(({ timestamp }) => Date.parse(timestamp)),
    )
    const [v4, v6] = packets.map(({ packet }) => packet) as [Buffer, Buffer]
    expect(v4.subarray(28).toString()).toBe('odd')
    expect([...v4.subarray(12, 20)]).toEqual([192, 0, 2, 1, 198, 51, 100, 2])
    expect(v6.subarray(48).toString()).toBe('grüß')
    expect([v4.readUInt16BE(20), v4.readUInt16BE(22), v6.readUInt16BE(40)]).toEqual([5060, 5062, 5060])
    // Over correct data the sum is all ones (RFC 1071).
    const pseudo = (addresses: Buffer, udp: Buffer) =>
      Buffer.concat([addresses, Buffer.of(0, 17), udp.subarray(4, 6), udp])
    expect(sumOf(v4.subarray(0, 20))).toBe(0xffff)
    expect(sumOf(pseudo(v4.subarray(12, 20), v4.subarray(20)))).toBe(0xffff)
    expect(sumOf(pseudo(v6.subarray(8, 40), v6.subarray(40)))).toBe(0xffff)
  })
})

function sumOf(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += bytes[at]! * 256 + (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000)
  return sum
}
