import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRtp, type RtpHeader, rtpHeaderBytes, sequenceAhead, writeRtpHeader } from '../../src/media/rtp.ts'

const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const header = fc.record<RtpHeader>({
  payloadType: fc.integer({ min: 0, max: 127 }),
  marker: fc.boolean(),
  sequence: fc.integer({ min: 0, max: 0xffff }),
  timestamp: uint32,
  ssrc: uint32,
})
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))

test('whatever is written is read back, also behind contributing sources, an extension and padding', () => {
  const contributors = fc.array(uint32, { maxLength: 15 })
  const extension = fc.option(fc.array(uint32, { maxLength: 4 }))
  const padding = fc.integer({ min: 0, max: 20 })
  fc.assert(
    fc.property(header, bytes(200), contributors, extension, padding, (fields, payload, csrcs, words, pad) => {
      const fixed = Buffer.alloc(rtpHeaderBytes)
      writeRtpHeader(fixed, fields)
      fixed[0]! |= csrcs.length | (words ? 0x10 : 0) | (pad > 0 ? 0x20 : 0)
      const list = Buffer.from(csrcs.flatMap((csrc) => [csrc >>> 24, csrc >>> 16, csrc >>> 8, csrc]))
      const extra = words
        ? Buffer.from([0xbe, 0xde, 0, words.length, ...words.flatMap(() => [1, 2, 3, 4])])
        : Buffer.of()
      const end = pad > 0 ? Buffer.alloc(pad, pad) : Buffer.of()
      expect(parseRtp(Buffer.concat([fixed, list, extra, payload, end]))).toEqual({ ...fields, payload })
    }),
  )
})

test('no bytes from the network make the parser throw', () => {
  const almost = bytes(60).map((packet) => {
    if (packet.length > 0) packet[0] = 0x80 | (packet[0]! & 0x3f)
    return packet
  })
  fc.assert(
    fc.property(fc.oneof(bytes(60), almost), (packet) => {
      const parsed = parseRtp(packet)
      if (parsed) expect(parsed.payload.length).toBeLessThanOrEqual(packet.length - rtpHeaderBytes)
    }),
  )
})

test.each([
  ['too short', Buffer.alloc(11, 0x80)],
  ['of another version', Buffer.alloc(12, 0x40)],
  ['with more contributing sources than bytes', Buffer.from([0x8f, ...Buffer.alloc(20)])],
  ['with an extension that is not there', Buffer.from([0x90, ...Buffer.alloc(13)])],
  ['with an extension that does not end', Buffer.from([0x90, ...Buffer.alloc(11), 0, 0, 0, 9])],
  ['with more padding than packet', Buffer.from([0xa0, ...Buffer.alloc(11), 77])],
  ['with a padding of nothing', Buffer.from([0xa0, ...Buffer.alloc(12)])],
])('a packet %s is not RTP', (_, packet) => {
  expect(parseRtp(packet)).toBeNull()
})

test('sequence numbers compare across the wrap', () => {
  expect(sequenceAhead(2, 0xfffe)).toBe(4)
  expect(sequenceAhead(0xfffe, 2)).toBe(-4)
})
