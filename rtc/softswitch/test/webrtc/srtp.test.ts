import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { writeRtpHeader } from '../../src/media/rtp.ts'
import { createSrtpReceiver, createSrtpSender } from '../../src/webrtc/srtp.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const master = { key: Buffer.alloc(16, 1), salt: Buffer.alloc(14, 2) }
const pair = () => ({ protect: createSrtpSender(master), open: createSrtpReceiver(master) })

function rtp(sequence: number, payload = Buffer.from('twenty ms of speech!'), ssrc = 7) {
  const packet = Buffer.alloc(12 + payload.length)
  writeRtpHeader(packet, {
    payloadType: 0,
    marker: false,
    sequence: sequence & 0xffff,
    timestamp: sequence * 160,
    ssrc,
  })
  payload.copy(packet, 12)
  return packet
}
/** A receiver report about nobody. */
const rtcp = (ssrc = 7) => Buffer.concat([hex('80c90001'), Buffer.from([0, 0, 0, ssrc]), Buffer.from('body')])

describe('SRTP', () => {
  // The vectors of libsrtp, which those of RFC 3711 appendix B.3 begin (test/srtp_driver.c: srtp_validate).
  const known = {
    key: hex('e1f97a0d3e018be0d64fa32c06de4139'),
    salt: hex('0ec675ad498afeebb6960b3aabe6'),
  }
  const plain = hex('800f1234decafbadcafebabe abababababababababababababababab')
  const secret = hex('800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb')

  test('is what others compute for the same key', () => {
    expect(createSrtpSender(known)(plain).toString('hex')).toBe(secret.toString('hex'))
    expect(createSrtpReceiver(known)(Buffer.from(secret))?.toString('hex')).toBe(plain.toString('hex'))
  })

  test('SRTCP is what others compute for the same key', () => {
    const report = hex('81c8000bcafebabe abababababababababababababababab')
    const sealed = hex('81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798')
    expect(createSrtpSender(known)(report).toString('hex')).toBe(sealed.toString('hex'))
    expect(createSrtpReceiver(known)(Buffer.from(sealed))?.toString('hex')).toBe(report.toString('hex'))
  })

  test('any packet comes out as it went in, and no byte of it may be changed', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.uint8Array({ maxLength: 1400 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (sequence, payload, at, change) => {
          const { protect, open } = pair()
          const packet = rtp(sequence, Buffer.from(payload))
          const sealed = protect(packet)
          const damaged = Buffer.from(sealed)
          damaged[at % damaged.length]! ^= change
          expect(open(damaged)).toBe(null)
          expect(open(Buffer.from(sealed))).toEqual(packet)
        },
      ),
    )
  })

  test('nothing that arrives makes it throw', () => {
    const { open } = pair()
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1600 }), (bytes) => open(Buffer.from(bytes)) === null))
  })

  test('goes on when the sequence numbers begin again, whatever is lost or late', () => {
    const { protect, open } = pair()
    let arrived = 0
    for (let sequence = 65_000; sequence < 135_000; sequence += 97) {
      const sealed = protect(rtp(sequence))
      if (sequence % 3 === 0) continue
      expect(open(Buffer.from(sealed))?.readUInt16BE(2)).toBe(sequence & 0xffff)
      arrived++
    }
    expect(arrived).toBeGreaterThan(400)
  })

  test('a packet that was recorded and sent again is dropped, a late one is not', () => {
    const { protect, open } = pair()
    const [first, second, third] = [65_535, 65_536, 65_537].map((sequence) => Buffer.from(protect(rtp(sequence))))
    expect(open(Buffer.from(first!))).not.toBe(null)
    expect(open(Buffer.from(third!))).not.toBe(null)
    expect(open(Buffer.from(second!))).not.toBe(null)
    for (const again of [first, second, third]) expect(open(Buffer.from(again!))).toBe(null)
    for (let sequence = 65_538; sequence < 65_700; sequence++) open(Buffer.from(protect(rtp(sequence))))
    expect(open(Buffer.from(second!))).toBe(null)
  })

  test('RTCP beside RTP has its own keys and counts, and is not repeated either', () => {
    const { protect, open } = pair()
    const report = Buffer.from(protect(rtcp()))
    expect(open(Buffer.from(protect(rtp(1))))).toEqual(rtp(1))
    expect(open(Buffer.from(report))).toEqual(rtcp())
    expect(open(Buffer.from(report))).toBe(null)
    expect(report.includes('body')).toBe(false)
  })
})
