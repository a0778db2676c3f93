import { describe, expect, test } from 'vitest'
import { isSecure, makeAnswer, makeOffer, negotiate, parseSdp } from '../../src/sip/sdp.ts'

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
    const offer = sdp('m=audio 4000 RTP/AVP 18 8 0 96', 'a=rtpmap:96 telephone-event/8000')
    expect(negotiate(offer)).toEqual({
      remote: {
        ...{ address: '192.0.2.9', port: 4000, codec: 'PCMA', payloadType: 8, rtcpMux: false },
        ...{ telephoneEventPt: 96, telephoneEventHz: 8000 },
      },
      direction: 'sendrecv',
    })
    expect(answer(offer)).toContain('m=audio 10000 RTP/AVP 8 96\r\n')
  })

  test('Opus is taken under the number it was offered with, with digits on its clock', () => {
    const offer = sdp(
      'm=audio 4000 RTP/AVP 111 0 110 101',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'a=rtpmap:101 telephone-event/8000',
      'a=rtpmap:110 telephone-event/48000',
    )
    expect(negotiate(offer)?.remote).toMatchObject({ codec: 'opus', payloadType: 111, telephoneEventPt: 110 })
    expect(answer(offer)).toContain(
      [
        'm=audio 10000 RTP/AVP 111 110',
        'a=rtpmap:111 opus/48000/2',
        'a=fmtp:111 useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000',
        'a=rtpmap:110 telephone-event/48000',
      ].join('\r\n'),
    )
  })

  test('digits on another clock are taken where there are none on that of the audio', () => {
    const offer = sdp('m=audio 4000 RTP/AVP 96 97', 'a=rtpmap:96 opus/48000/2', 'a=rtpmap:97 telephone-event/8000')
    expect(negotiate(offer)?.remote).toMatchObject({ telephoneEventPt: 97, telephoneEventHz: 8000 })
  })

  test.each([[['9']], [['9', 'a=rtpmap:9 G722/8000']], [['9', 'a=rtpmap:9 g722/8000/1']]])(
    'G.722 says 8000 Hz although it has 16000: %j',
    ([formats, ...lines]) => {
      const offer = sdp(`m=audio 4000 RTP/AVP ${formats}`, ...lines)
      expect(negotiate(offer)?.remote.codec).toBe('G722')
      expect(answer(offer)).toContain('m=audio 10000 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n')
    },
  )

  test('we offer what is cheap first, each with digits on its clock, and in the order we are told', () => {
    const lines = makeOffer(local).toString().split('\r\n')
    expect(lines).toContain('m=audio 10000 RTP/AVP 0 8 9 107 101 102')
    expect(lines).toContain('a=rtpmap:102 telephone-event/48000')
    const told = makeOffer({ ...local, codecs: ['G722', 'PCMU'] }).toString()
    expect(told).toContain('m=audio 10000 RTP/AVP 9 0 101\r\n')
    expect(told).not.toContain('48000')
  })

  test('RTCP shares the port of RTP with whoever offers that, and goes where the peer says', () => {
    const plain = sdp('m=audio 4000 RTP/AVP 0', 'a=rtcp:5001 IN IP4 192.0.2.9')
    expect(negotiate(plain)?.remote).toMatchObject({ rtcpMux: false, rtcpPort: 5001 })
    expect(answer(plain)).not.toContain('rtcp-mux')
    const muxed = sdp('m=audio 4000 RTP/AVP 0', 'a=rtcp-mux')
    expect(negotiate(muxed)?.remote.rtcpMux).toBe(true)
    expect(answer(muxed)).toContain('a=rtcp-mux\r\n')
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
    ['no codec we speak', 'm=audio 4000 RTP/AVP 3 18'],
    ['a dynamic number without a name', 'm=audio 4000 RTP/AVP 107'],
    ['Opus on another clock', 'm=audio 4000 RTP/AVP 96', 'a=rtpmap:96 opus/16000'],
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
      remote: {
        ...{ address: '192.0.2.1', port: 10_000, codec: 'PCMU', payloadType: 0, rtcpMux: true },
        ...{ telephoneEventPt: 101, telephoneEventHz: 8000 },
      },
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

describe('an SDP of a browser', () => {
  const browser = (...more: string[]) =>
    parseSdp(
      Buffer.from(
        [
          'v=0',
          'o=- 1 2 IN IP4 127.0.0.1',
          's=-',
          't=0 0',
          'a=group:BUNDLE 0 1',
          'a=fingerprint:sha-256 AA:BB',
          'm=audio 9 UDP/TLS/RTP/SAVPF 111 0 110 126',
          'c=IN IP4 0.0.0.0',
          'a=mid:0',
          'a=ice-ufrag:XF+h',
          'a=ice-pwd:YM+lax0yXyFlJUAj4msITfEK',
          'a=candidate:1 1 udp 2122194687 x.local 43527 typ host',
          'a=rtcp-mux',
          'a=rtpmap:111 opus/48000/2',
          'a=rtpmap:110 telephone-event/48000',
          'a=rtpmap:126 telephone-event/8000',
          ...more,
          'm=video 9 UDP/TLS/RTP/SAVPF 96',
          'c=IN IP4 0.0.0.0',
          'a=mid:1',
          '',
        ].join('\r\n'),
      ),
    )!
  const security = {
    ...{ iceUfrag: 'ours', icePwd: 'secret', fingerprint: 'sha-256 CC:DD', setup: 'passive' as const },
    setRemote() {},
    watch() {},
  }
  const local = { address: '192.0.2.9', port: 10_000, sessionId: 1, version: 1, security }

  test('says how to reach it and how it proves itself, for the stream or for all', () => {
    expect(negotiate(browser('a=setup:actpass'))).toMatchObject({
      direction: 'sendrecv', // 0.0.0.0 is no hold where ICE finds the address
      remote: {
        codec: 'opus',
        telephoneEventPt: 110,
        rtcpMux: true,
        security: {
          iceUfrag: 'XF+h',
          icePwd: 'YM+lax0yXyFlJUAj4msITfEK',
          fingerprints: [{ algorithm: 'sha-256', value: 'AA:BB' }],
          setup: 'actpass',
        },
      },
    })
    expect(isSecure(browser('a=setup:actpass'))).toBe(true)
  })

  test('without a fingerprint, or with a setup that nobody has, it is refused', () => {
    const offer = browser('a=setup:actpass')
    expect(negotiate({ ...offer, attributes: [] })).toBe(null)
    expect(negotiate(browser('a=setup:holdconn'))).toBe(null)
  })

  test('is answered with one candidate, our fingerprint, and only its audio in the bundle', () => {
    const offer = browser('a=setup:actpass')
    const answer = String(makeAnswer(offer, negotiate(offer)!, local))
    for (const line of [
      'a=ice-lite',
      'a=group:BUNDLE 0',
      'm=audio 10000 UDP/TLS/RTP/SAVPF 111 110',
      'a=mid:0',
      'a=ice-ufrag:ours',
      'a=candidate:1 1 udp 2130706431 192.0.2.9 10000 typ host',
      'a=fingerprint:sha-256 CC:DD',
      'a=setup:passive',
      'a=rtcp-mux',
      'm=video 0 UDP/TLS/RTP/SAVPF 96',
    ]) {
      expect(answer).toContain(`${line}\r\n`)
    }
  })

  test('gets an offer that leaves to it who begins', () => {
    const offer = String(makeOffer(local))
    expect(offer).toContain(' UDP/TLS/RTP/SAVPF 0 8 ')
    expect(offer).toContain('a=setup:actpass\r\n')
    expect(String(makeOffer({ ...local, security: undefined }))).not.toMatch(/ice|fingerprint|SAVPF|mid/)
  })
})
