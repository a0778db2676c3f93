import type { Endpoint } from '../media/latch.ts'
import { type DtlsConnection, type DtlsIdentity, type Fingerprint, openDtls } from './dtls.ts'
import { createIceLite } from './ice-lite.ts'
import { createSrtpReceiver, createSrtpSender } from './srtp.ts'

/** What a peer's SDP says about how its media is protected, and how it is reached. */
export interface RemoteSecurity {
  iceUfrag: string
  icePwd: string
  fingerprints: Fingerprint[]
  /** RFC 4145 §4 */
  setup: 'active' | 'passive' | 'actpass'
}

/** Why media is over: no way was found, the peer is not who it should be, or it fell silent or left. */
export type MediaLoss = 'ice' | 'dtls' | 'silence'

/** ICE and DTLS-SRTP of one session: what our SDP says about them, and what becomes of them. */
export interface MediaSecurity {
  readonly iceUfrag: string
  readonly icePwd: string
  /** As `a=fingerprint` has it. */
  readonly fingerprint: string
  /** What we answer; before the peer has spoken it may choose. */
  readonly setup: 'active' | 'passive' | 'actpass'
  /** Nothing: the peer that is talked to now has plain RTP. */
  setRemote(remote: RemoteSecurity | undefined): void
  /** From now on (the call is answered) the peer has to connect, and be there. `onLost` comes at most once. */
  watch(onLost: (why: MediaLoss) => void): void
}

export interface SecureMedia {
  readonly security: MediaSecurity
  /** The peer has agreed to it. */
  readonly inUse: boolean
  receive(bytes: Buffer, from: Endpoint): void
  /** Dropped until the peer has connected. */
  send(packet: Buffer): void
  close(): void
}

/** A browser behind the slowest network has connected by then. */
const CONNECT_MS = 15_000
/** A peer checks its way every few seconds, also while it says nothing (RFC 7675 §5.1); a lost network may come back. */
const SILENCE_MS = 15_000
/** Who closes its media usually sends a BYE as well, which may take longer. */
const GOODBYE_MS = 2000
const LOOK_EVERY_MS = 500
/** Whence all that is authentic comes, whichever way ICE has it come. */
const PEER: Endpoint = { address: 'the peer', port: 1 }

/** ICE, DTLS and SRTP on one port (RFC 5764 §5.1.2, RFC 7983), between a session and the network. */
export function createSecureMedia(options: {
  identity: DtlsIdentity
  send(bytes: Buffer, to: Endpoint): void
  deliver(packet: Buffer, from: Endpoint): void
  onFailed(error: Error): void
}): SecureMedia {
  const ice = createIceLite(options.send)
  let remote: RemoteSecurity | undefined
  let setup: 'active' | 'passive' | undefined
  let dtls: DtlsConnection | undefined
  let srtp: { protect: (packet: Buffer) => Buffer; open: (packet: Buffer) => Buffer | null } | undefined
  let inUse = false
  let failed = false
  let heardAt = 0
  let lostAt = Number.POSITIVE_INFINITY
  let watching: NodeJS.Timeout | undefined

  const sendToPeer = (bytes: Buffer) => {
    if (ice.peer) options.send(bytes, ice.peer)
  }

  /** As soon as both descriptions are there; an active side also needs to know where to send. */
  function startDtls() {
    if (dtls || !remote || !setup || (setup === 'active' && !ice.chosen)) return
    dtls = openDtls({
      identity: options.identity,
      setup,
      fingerprints: remote.fingerprints,
      send: sendToPeer,
      onKeys({ ours, theirs }) {
        srtp = { protect: createSrtpSender(ours), open: createSrtpReceiver(theirs) }
      },
      onFailed(error) {
        failed = true
        options.onFailed(error)
      },
      onClosed() {
        lostAt = Math.min(lostAt, performance.now() + GOODBYE_MS)
      },
    })
  }

  function receiveStun(bytes: Buffer, from: Endpoint) {
    if (!ice.receive(bytes, from)) return
    heardAt = performance.now()
    startDtls()
  }

  function receiveRtp(bytes: Buffer) {
    const packet = srtp?.open(bytes)
    if (!packet) return
    heardAt = performance.now()
    options.deliver(packet, PEER)
  }

  /** Why the peer is lost, if it is. */
  function loss(watchedSince: number): MediaLoss | undefined {
    const now = performance.now()
    if (failed) return 'dtls'
    if (now >= lostAt) return 'silence'
    if (!srtp) return now - watchedSince < CONNECT_MS ? undefined : ice.chosen ? 'dtls' : 'ice'
    return now - heardAt < SILENCE_MS ? undefined : 'silence'
  }

  return {
    security: {
      get iceUfrag() {
        return ice.credentials.ufrag
      },
      get icePwd() {
        return ice.credentials.pwd
      },
      fingerprint: options.identity.fingerprint,
      get setup() {
        return setup ?? 'actpass'
      },
      setRemote(described) {
        inUse = described !== undefined
        if (!described) return
        // RFC 8445 §9: other credentials of the peer ask for others of ours.
        if (remote && (remote.iceUfrag !== described.iceUfrag || remote.icePwd !== described.icePwd)) ice.restart()
        remote = described
        // The peer begins unless it will not: then no hello is lost before it knows the way.
        setup ??= described.setup === 'passive' ? 'active' : 'passive'
        startDtls()
      },
      watch(onLost) {
        const since = performance.now()
        watching ??= setInterval(() => {
          const why = loss(since)
          if (!why) return
          clearInterval(watching)
          onLost(why)
        }, LOOK_EVERY_MS)
      },
    },
    get inUse() {
      return inUse
    },
    receive(bytes, from) {
      const first = bytes[0] ?? 0
      if (first < 4) return receiveStun(bytes, from)
      // Only a way that passed a check can be the peer's: whoever else sends to this port is not even decrypted.
      if (!ice.hasChecked(from)) return
      if (first >= 20 && first < 64) dtls?.receive(bytes)
      else if (first >= 128 && first < 192) receiveRtp(bytes)
    },
    send(packet) {
      if (srtp && ice.peer) options.send(srtp.protect(packet), ice.peer)
    },
    close() {
      clearInterval(watching)
      dtls?.close()
    },
  }
}
