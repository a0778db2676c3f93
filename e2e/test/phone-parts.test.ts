import fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerChallenge } from '../src/phone/digest.ts'
import { decodeG711, encodeG711 } from '../src/phone/g711.ts'
import { readWav, sine, soundsLikeSpeech, strongestTone, toneShare, writeWav } from '../src/phone/index.ts'
import { parseSdp } from '../src/phone/sdp.ts'
import { formatSip, headerList, param, parseSip, uriOf } from '../src/phone/sip-message.ts'

test('the digest answers printed in the RFCs are reproduced', () => {
  const request = { method: 'GET', uri: '/dir/index.html' }
  const who = { username: 'Mufasa', password: 'Circle of Life' }
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
  const rfc7616 = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"`
  expect(answerChallenge(rfc7616('SHA-256'), request, who, cnonce)).toContain(
    'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
  )
  expect(answerChallenge(rfc7616('MD5'), request, who, cnonce)).toContain('response="8ca523f5e9506fed4657c9700eebdbec"')
  const rfc2069 = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"' // its erratum 749
  expect(answerChallenge(rfc2069, request, { ...who, password: 'CircleOfLife' })).toContain(
    'response="1949323746fe6a43ef61f9606e7febea"',
  )
})

test('G.711 keeps its own values, and a sine within its quantisation', () => {
  for (const codec of ['PCMU', 'PCMA'] as const) {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    expect(decodeG711(codec, encodeG711(codec, decodeG711(codec, all)))).toEqual(decodeG711(codec, all))
    expect(toneShare(decodeG711(codec, encodeG711(codec, sine(440, 200))), 440)).toBeGreaterThan(0.99)
  }
  expect([...decodeG711('PCMU', Uint8Array.of(0x00, 0x80, 0xff))]).toEqual([-32_124, 32_124, 0])
  expect([...decodeG711('PCMA', Uint8Array.of(0x2a, 0xaa, 0xd5))]).toEqual([-32_256, 32_256, 8])
})

test('the strongest tone is found to a hertz', () => {
  for (const frequency of [200, 441, 1004, 3000]) {
    expect(Math.abs(strongestTone(sine(frequency, 300)).frequency - frequency)).toBeLessThanOrEqual(1)
  }
})

test('tones, pairs of tones and silence are not speech', () => {
  const second = sine(480, 400)
  const pair = sine(440, 400).map((sample, i) => sample + second[i]!)
  expect(soundsLikeSpeech(sine(440, 400))).toBe(false)
  expect(soundsLikeSpeech(pair)).toBe(false)
  expect(soundsLikeSpeech(new Int16Array(3200))).toBe(false)
  const noise = Int16Array.from({ length: 3200 }, (_, i) => ((i * 7919 * (i % 31)) % 8000) - 4000)
  expect(soundsLikeSpeech(noise)).toBe(true)
})

test('a WAV file is read as it was written', () => {
  fc.assert(
    fc.property(fc.int16Array(), fc.constantFrom(8000, 16_000), (samples, rateHz) => {
      expect(readWav(writeWav(samples, rateHz))).toEqual({ rateHz, channels: 1, samples })
    }),
  )
  expect(() => readWav(Buffer.from('nothing of the kind'))).toThrow('not a WAV file')
})

test('SIP messages survive writing and reading, and rubbish never throws', () => {
  const word = fc.stringMatching(/^[a-z0-9-]{1,12}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constant('X-Test'), word)), fc.string(), (headers, body) => {
      const message = { kind: 'request', method: 'INVITE', uri: 'sip:a@b', headers, body } as const
      const read = parseSip(formatSip(message))
      expect(read).toMatchObject({ method: 'INVITE', body })
      expect(headerList(read!, 'x-test')).toEqual(headers.map(([, value]) => value))
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      parseSip(Buffer.from(bytes))
    }),
  )
})

test('compact names, folding, lists and quoted commas are read', () => {
  const text =
    'INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h:1;branch=z9;rport\r\nf: "A, B" <sip:x@y;tag=no>\r\n ;tag=yes\r\nm: <sip:1@h>, <sip:2@h>\r\n\r\n'
  const message = parseSip(Buffer.from(text))!
  const from = headerList(message, 'from')
  expect(from).toHaveLength(1)
  expect([uriOf(from[0]!), param(from[0]!, 'tag')]).toEqual(['sip:x@y;tag=no', 'yes'])
  expect(headerList(message, 'contact').map(uriOf)).toEqual(['sip:1@h', 'sip:2@h'])
  expect(param(headerList(message, 'via')[0]!, 'rport')).toBe('')
})

test('an SDP without usable audio is told apart from one with it', () => {
  const sdp =
    'v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 96 8 18 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n'
  expect(parseSdp(sdp)).toEqual({
    address: { host: '10.0.0.1', port: 4000 },
    codecs: new Map([
      [96, 'opus'],
      [8, 'PCMA'],
    ]),
    events: new Map([[101, 8000]]),
    direction: 'sendonly',
  })
  expect(parseSdp('v=0\r\nm=audio 0 RTP/AVP 0\r\n')).toBeUndefined()
  expect(parseSdp('')).toBeUndefined()
})
