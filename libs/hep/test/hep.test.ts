import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CapturedMessage, hepPacket, parseHep } from '../src/hep.ts'

const message: CapturedMessage = {
  protocol: 'UDP',
  srcAddress: '192.0.2.1',
  srcPort: 5060,
  dstAddress: '198.51.100.2',
  dstPort: 5062,
  timeUs: 1_763_710_000_123_456,
  payload: Buffer.from('OPTIONS sip:a SIP/2.0\r\n\r\n'),
}

// Put together by hand from the tables of the HEP3 draft.
const byHand = Buffer.from(
  `48455033 007c
   0000 0001 0007 02
   0000 0002 0007 11
   0000 0003 000a c0000201
   0000 0004 000a c6336402
   0000 0007 0008 13c4
   0000 0008 0008 13c6
   0000 0009 000a 69201430
   0000 000a 000a 0001e240
   0000 000b 0007 01
   0000 000c 000a 00000001
   0000 000f 001f ${message.payload.toString('hex')}`.replaceAll(/\s/g, ''),
  'hex',
)

test('a packet is what the draft says, to the byte', () => {
  expect(hepPacket(message, 1).toString('hex')).toBe(byHand.toString('hex'))
})

test('what is sent is what is read', () => {
  const address = fc.oneof(
    fc.ipV4().map((text) => [text, text] as const),
    fc.tuple(fc.ipV6(), fc.ipV6()),
  )
  const port = fc.integer({ min: 0, max: 65_535 })
  const messages = fc.record({
    protocol: fc.constantFrom('UDP' as const, 'TCP' as const),
    addresses: address,
    srcPort: port,
    dstPort: port,
    timeUs: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
    payload: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
    key: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
  })
  fc.assert(
    fc.property(messages, ({ addresses: [srcAddress, dstAddress], key, ...rest }) => {
      const read = parseHep(hepPacket({ ...rest, key, srcAddress, dstAddress }, 1))
      expect(read).toMatchObject(rest)
      expect(read!.key).toBe(key)
      // The same address, in its one short form (RFC 5952).
      const again = parseHep(hepPacket({ ...rest, key, srcAddress: read!.srcAddress, dstAddress: read!.dstAddress }, 1))
      expect(again).toEqual(read)
    }),
  )
})

test('addresses are written as RFC 5952 has them', () => {
  const sent = (srcAddress: string) => parseHep(hepPacket({ ...message, srcAddress, dstAddress: '::1' }, 1))!.srcAddress
  expect(['2001:DB8:0:0:1:0:0:1', '::', '1::', '::ffff:192.0.2.1', 'fe80::1%eth0'].map(sent)).toEqual([
    '2001:db8::1:0:0:1',
    '::',
    '1::',
    '::ffff:192.0.2.1',
    'fe80::1',
  ])
})

test('a payload may be compressed', () => {
  const packet = hepPacket({ ...message, payload: deflateSync(message.payload) }, 1)
  packet.writeUInt16BE(16, packet.lastIndexOf('0000000f', undefined, 'hex') + 2)
  expect(parseHep(packet)?.payload).toEqual(message.payload)
})

test('what is no HEP3 with SIP inside is not read, whatever it is', () => {
  const packet = hepPacket(message, 1)
  for (let length = 0; length < packet.length; length++) expect(parseHep(packet.subarray(0, length))).toBeUndefined()
  const rtcp = Buffer.from(packet)
  rtcp[rtcp.indexOf('0000000b0007', 0, 'hex') + 6] = 5
  expect(parseHep(rtcp)).toBeUndefined()
  fc.assert(
    fc.property(fc.nat(packet.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(packet)
      changed[at] = byte
      parseHep(changed)
    }),
  )
})
