import { describe, expect, test } from 'vitest'
import { makeAnswer, makeOffer, negotiate, parseSdp } from '../../src/sip/sdp.ts'

const local = { address: '192.0.2.1', port: 10_000, sessionId: 7, version: 1 }
const sdp = (...media: string[]) =>
  parseSdp(
    Buffer.from(
      `v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n${media.map((line) => `${line}\r\n`).join('')}`,
    ),
  )!
const answer = (offer: ReturnType<typeof sdp>) => makeAnswer(offer, negotiate(offer)!, local).toString()

describe('offer and answer', () => {
  test('the first codec of the peer that we speak is taken, with its telephone-event', () => {
    const offer = sdp('m=audio 4000 RTP/AVP 9 8 0 96', 'a=rtpmap:96 telephone-event/8000')
    expect(negotiate(offer)).toEqual({
      remote: { address: '192.0.2.9', port: 4000, codec: 'PCMA', telephoneEventPt: 96 },
      direction: 'sendrecv',
    })
    expect(answer(offer)).toContain('m=audio 10000 RTP/AVP 8 96\r\n')
  })

  test('one media line is answered for each, and what is not spoken is refused', () => {
    const offer = sdp(
      'm=video 5000 RTP/AVP 31',
      'm=audio 0 RTP/AVP 0',
      'm=audio 4000 RTP/AVP 0',
      'm=audio 4002 RTP/AVP 0',
    )
    const lines = answer(offer)
      .split('\r\n')
      .filter((line) => line.startsWith('m='))
    expect(lines).toEqual([
      'm=video 0 RTP/AVP 31',
      'm=audio 0 RTP/AVP 0',
      'm=audio 10000 RTP/AVP 0',
      'm=audio 0 RTP/AVP 0',
    ])
  })

  test.each([
    ['sendonly', 'recvonly'],
    ['recvonly', 'sendonly'],
    ['inactive', 'inactive'],
    ['sendrecv', 'sendrecv'],
  ])('%s is answered with %s', (offered, answered) => {
    expect(answer(sdp('m=audio 4000 RTP/AVP 0', `a=${offered}`))).toContain(`a=${answered}\r\n`)
  })

  test('a connection address of 0.0.0.0 is a hold', () => {
    expect(negotiate(sdp('m=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'))?.direction).toBe('sendonly')
  })

  test.each([
    ['no codec we speak', 'm=audio 4000 RTP/AVP 9 18'],
    ['a static number renamed', 'm=audio 4000 RTP/AVP 0', 'a=rtpmap:0 opus/48000/2'],
    ['encrypted media only', 'm=audio 4000 RTP/SAVP 0'],
    ['video only', 'm=video 4000 RTP/AVP 31'],
    ['a refused stream only', 'm=audio 0 RTP/AVP 0'],
  ])('%s fits nothing', (_, ...media) => {
    expect(negotiate(sdp(...media))).toBeNull()
  })

  test('our own offer can be answered by ourselves', () => {
    const offer = parseSdp(makeOffer(local, 'sendonly'))!
    expect(negotiate(offer)).toEqual({
      remote: { address: '192.0.2.1', port: 10_000, codec: 'PCMU', telephoneEventPt: 101 },
      direction: 'sendonly',
    })
  })

  test.each(['', 'hello', 'v=0\r\nc=IN IP4\r\n', 'v=0\r\nm=audio\r\n', 'v=0\r\nm=audio 99999 RTP/AVP 0\r\n'])(
    '"%s" is no SDP',
    (text) => {
      expect(parseSdp(Buffer.from(text))).toBeNull()
    },
  )
})
