import { afterEach, describe, expect, test, vi } from 'vitest'
import { Message } from 'werift'
import { createDtlsIdentity, type DtlsConnection, openDtls } from '../../src/webrtc/dtls.ts'
import { createSecureMedia, type MediaLoss } from '../../src/webrtc/secure-media.ts'
import { createSrtpReceiver, createSrtpSender } from '../../src/webrtc/srtp.ts'

const [ours, theirs] = [await createDtlsIdentity(), await createDtlsIdentity()]
const there = { address: '192.0.2.1', port: 40_000 }
const elsewhere = { address: '198.51.100.7', port: 50_000 }
const packet = Buffer.concat([Buffer.from('80000001000000a000000007', 'hex'), Buffer.alloc(160, 0xd5)])
const closing: { close(): void }[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const one of closing.splice(0)) one.close()
})

/** One side of a call, and a peer that is as far as the test wants it to be. */
function openMedia() {
  const delivered: Buffer[] = []
  const lost: MediaLoss[] = []
  const sent: Buffer[] = []
  let dtls: DtlsConnection | undefined
  const media = createSecureMedia({
    identity: ours,
    send(bytes, to) {
      expect(to).toEqual(there)
      const copy = Buffer.from(bytes)
      if (copy[0]! >= 20 && copy[0]! < 64) setImmediate(() => dtls?.receive(copy))
      else sent.push(copy)
    },
    deliver: (bytes) => delivered.push(Buffer.from(bytes)),
    onFailed() {},
  })
  closing.push(media)
  const { security } = media
  const [algorithm = '', value = ''] = theirs.fingerprint.split(' ')
  const remote = { iceUfrag: 'peer', icePwd: 'x', setup: 'actpass' as const, fingerprints: [{ algorithm, value }] }
  return {
    media,
    delivered,
    lost,
    sent,
    remote,
    check(from = there) {
      const message = new Message(1, 0).setAttribute('USERNAME', `${security.iceUfrag}:peer`)
      message.setAttribute('USE-CANDIDATE', null)
      const signed = (message as Message).addMessageIntegrity(Buffer.from(security.icePwd)).addFingerprint()
      media.receive(signed.bytes, from)
    },
    /** The DTLS handshake; resolves with the peer's SRTP. */
    connect() {
      const [ourAlgorithm = '', ourValue = ''] = security.fingerprint.split(' ')
      return new Promise<{ protect: (packet: Buffer) => Buffer; open: (packet: Buffer) => Buffer | null }>(
        (resolve, reject) => {
          dtls = openDtls({
            identity: theirs,
            setup: 'active',
            fingerprints: [{ algorithm: ourAlgorithm, value: ourValue }],
            send: (datagram) => media.receive(Buffer.from(datagram), there),
            onKeys: (keys) => resolve({ protect: createSrtpSender(keys.ours), open: createSrtpReceiver(keys.theirs) }),
            onFailed: reject,
            onClosed() {},
          })
          closing.push(dtls)
        },
      )
    },
  }
}

describe('protected media', () => {
  test('goes both ways once the peer has checked the way and proved itself, and never in the clear', async () => {
    const { media, check, connect, remote, delivered, sent } = openMedia()
    media.security.setRemote(remote)
    expect(media.security.setup).toBe('passive')
    media.send(packet)
    check()
    sent.length = 0
    const peer = await connect()
    media.receive(Buffer.from(peer.protect(packet)), there)
    expect(delivered).toEqual([packet])
    media.send(packet)
    expect(sent).toHaveLength(1)
    expect(sent[0]!.includes(packet.subarray(12))).toBe(false)
    expect(peer.open(sent[0]!)).toEqual(packet)
  })

  test('what comes from where no check came from is not taken, nor what is in the clear', async () => {
    const { media, check, connect, remote, delivered } = openMedia()
    media.security.setRemote(remote)
    check()
    const peer = await connect()
    media.receive(Buffer.from(packet), there)
    media.receive(Buffer.from(peer.protect(packet)), elsewhere)
    expect(delivered).toEqual([])
  })

  test('whoever knows no password is answered nothing at all', () => {
    const { media, remote, sent } = openMedia()
    media.security.setRemote(remote)
    for (const first of [0, 22, 128, 200]) media.receive(Buffer.alloc(100, first), elsewhere)
    expect(sent).toEqual([])
  })

  test.each([
    ['nobody comes', 'ice', () => {}],
    ['the way is there, but no handshake', 'dtls', ({ check }: ReturnType<typeof openMedia>) => check()],
  ] as const)('a call in which %s is lost in time', (_, why, until) => {
    vi.useFakeTimers()
    const one = openMedia()
    one.media.security.setRemote(one.remote)
    one.media.security.watch((loss) => one.lost.push(loss))
    until(one)
    vi.advanceTimersByTime(14_000)
    expect(one.lost).toEqual([])
    vi.advanceTimersByTime(60_000)
    expect(one.lost).toEqual([why])
  })

  test('a peer that falls silent is lost, one that only checks its way is not', async () => {
    const one = openMedia()
    one.media.security.setRemote(one.remote)
    one.check()
    await one.connect()
    vi.useFakeTimers()
    one.check()
    one.media.security.watch((loss) => one.lost.push(loss))
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(5_000)
      one.check()
    }
    expect(one.lost).toEqual([])
    vi.advanceTimersByTime(16_000)
    expect(one.lost).toEqual(['silence'])
  })

  test('other ICE credentials of the peer are answered with others of ours', () => {
    const { media, remote } = openMedia()
    media.security.setRemote(remote)
    const before = media.security.icePwd
    media.security.setRemote(remote)
    expect(media.security.icePwd).toBe(before)
    media.security.setRemote({ ...remote, iceUfrag: 'restarted' })
    expect(media.security.icePwd).not.toBe(before)
  })
})
