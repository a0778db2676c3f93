import { createHash, verify, X509Certificate } from 'node:crypto'
import { CipherContext, DtlsClient, DtlsServer } from 'werift'
import { MASTER_KEY_BYTES, MASTER_SALT_BYTES, type MasterKey } from './srtp.ts'

/** Our certificate, which no authority knows: its fingerprint in the SDP is what vouches for it (RFC 8122). */
export interface DtlsIdentity {
  certPem: string
  keyPem: string
  signatureHash: { hash: 4; signature: 3 }
  /** As `a=fingerprint` has it. */
  fingerprint: string
}

export interface Fingerprint {
  algorithm: string
  value: string
}

export interface DtlsConnection {
  receive(datagram: Buffer): void
  close(): void
}

// What `werift` calls a thing is its number in RFC 5246, RFC 5764 or the registry of named groups.
const SHA256 = 4
const ECDSA = 3
const SECP256R1 = 23
const AES_CM_128_HMAC_SHA1_80 = 1
const CLIENT_HELLO = 1
const CERTIFICATE = 11
const SERVER_KEY_EXCHANGE = 12
const SERVER_HELLO_DONE = 14
const CERTIFICATE_VERIFY = 15
const FINISHED = 20

export async function createDtlsIdentity(): Promise<DtlsIdentity> {
  const signatureHash = { hash: SHA256, signature: ECDSA } as const
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(signatureHash, SECP256R1)
  return { certPem, keyPem, signatureHash, fingerprint: `sha-256 ${new X509Certificate(certPem).fingerprint256}` }
}

/**
 * DTLS 1.2 with keys for SRTP (RFC 5764), over whatever carries its datagrams. `werift` runs the handshake but believes
 * whatever the peer shows; who the peer is, is checked here before its keys are used.
 */
export function openDtls(options: {
  identity: DtlsIdentity
  /** Active: we begin (RFC 4145 §4). */
  setup: 'active' | 'passive'
  /** One of these is the peer's certificate. */
  fingerprints: Fingerprint[]
  send(datagram: Buffer): void
  onKeys(keys: { ours: MasterKey; theirs: MasterKey }): void
  onFailed(error: Error): void
  /** The peer said that it leaves. */
  onClosed(): void
}): DtlsConnection {
  const { identity, setup } = options
  let state: 'connecting' | 'connected' | 'closed' = 'connecting'
  const transport = {
    type: 'ice',
    address: { address: '0.0.0.0', family: 'IPv4', port: 0 },
    closed: false,
    onData: (_: Buffer): void => {},
    send: async (datagram: Buffer) => {
      if (state !== 'closed') options.send(datagram)
    },
    close: async () => {},
  }
  const settings = {
    transport,
    cert: identity.certPem,
    key: identity.keyPem,
    signatureHash: identity.signatureHash,
    srtpProfiles: [AES_CM_128_HMAC_SHA1_80] as [1],
    extendedMasterSecret: true,
    certificateRequest: true,
  }
  const socket = setup === 'active' ? new DtlsClient(settings) : new DtlsServer(settings)

  const handle = socket.onHandleHandshakes
  const inOrder = createOrder(fail)
  socket.onHandleHandshakes = async (messages) => {
    const ready = inOrder(messages)
    if (ready.length > 0) await handle(ready)
  }

  function fail(error: Error) {
    if (state !== 'connecting') return
    state = 'closed'
    options.onFailed(error)
  }
  socket.onClose.subscribe(() => {
    if (state === 'connecting') fail(new Error('the peer gave the handshake up'))
    else if (state === 'connected') options.onClosed()
  })
  socket.onConnect.subscribe(() => {
    if (state !== 'connecting') return
    try {
      provePeer(socket, options.fingerprints)
    } catch (error) {
      return fail(error as Error)
    }
    state = 'connected'
    const { localKey, localSalt, remoteKey, remoteSalt } = socket.extractSessionKeys(
      MASTER_KEY_BYTES,
      MASTER_SALT_BYTES,
    )
    options.onKeys({ ours: { key: localKey, salt: localSalt }, theirs: { key: remoteKey, salt: remoteSalt } })
  })
  // What `werift` cannot make sense of may be the work of a bad network: it comes again, or the time runs out.
  socket.onError.subscribe(() => {})
  if (socket instanceof DtlsClient) socket.connect().catch(() => {})

  return {
    receive(datagram) {
      if (state === 'closed') return
      try {
        // Once connected only what is encrypted counts: a handshake in the clear would make `werift` begin anew.
        const records = state === 'connected' ? encryptedRecords(datagram) : datagram
        if (records.length > 0) transport.onData(records)
      } catch {
        // A datagram that is no DTLS is lost; so is what cannot be decrypted.
      }
    },
    close() {
      state = 'closed'
      transport.closed = true
    },
  }
}

interface Message {
  msg_type: number
  message_seq: number
  fragment: Buffer
}

/** A flight has no more messages. */
const MAX_EARLY = 8

/** Messages that, when they come again, ask for our answer to them again. */
const ASKING = new Set([CLIENT_HELLO, SERVER_HELLO_DONE, FINISHED])

/**
 * Messages one after the other as they were sent (RFC 6347 §4.2.2), each once: `werift` takes them as they come, and computes
 * other keys when one is late or comes twice. Different words under the same number are an attempt to sign one thing and use another.
 */
function createOrder(onContradiction: (error: Error) => void) {
  const taken: Buffer[] = []
  const early = new Map<number, Message>()
  return <M extends Message>(messages: M[]): M[] => {
    const ready: M[] = []
    for (const message of messages) {
      const { message_seq: seq, fragment, msg_type } = message
      const before = taken[seq]
      if (!before && seq < taken.length + MAX_EARLY) early.set(seq, message)
      else if (before && !before.equals(fragment)) onContradiction(new Error('the peer said two different things'))
      else if (before && ASKING.has(msg_type)) ready.push(message)
    }
    for (let next = early.get(taken.length); next; next = early.get(taken.length)) {
      early.delete(taken.length)
      taken.push(next.fragment)
      ready.push(next as M)
    }
    return ready
  }
}

const RECORD_HEADER_BYTES = 13

/** The records of a datagram that are not in epoch 0 (RFC 6347 §4.1). */
function encryptedRecords(datagram: Buffer): Buffer {
  const kept: Buffer[] = []
  for (let at = 0; at + RECORD_HEADER_BYTES <= datagram.length; ) {
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11)
    if (end > datagram.length) break
    if (datagram.readUInt16BE(at + 3) > 0) kept.push(datagram.subarray(at, end))
    at = end
  }
  return Buffer.concat(kept)
}

/**
 * That the peer is who the SDP announced: its certificate has the fingerprint (RFC 5763 §5), it has that certificate's
 * key, and the secret that the keys come from was agreed on with that key's owner. Throws when not.
 */
function provePeer({ dtls, cipher, srtp, sessionType }: DtlsClient | DtlsServer, fingerprints: Fingerprint[]): void {
  const said = dtls.sortedHandshakeCache
  const message = (type: number): Buffer => {
    const found = said.find(({ msg_type }) => msg_type === type)
    if (!found) throw new Error(`the handshake lacks message ${type}`)
    return found.fragment
  }
  if (srtp.srtpProfile !== AES_CM_128_HMAC_SHA1_80) throw new Error('the peer has no SRTP profile of ours')
  // Else who sits between could have told both sides different things before (RFC 7627 §1).
  if (!dtls.remoteExtendedMasterSecret) throw new Error('the peer has no extended master secret')

  // RFC 5246 §7.4.2: the length of the list, then that of the first certificate.
  const asServer = sessionType === SERVER
  const chain = said.filter(({ msg_type }) => msg_type === CERTIFICATE)
  const list = (asServer ? chain.at(-1) : chain[0])?.fragment
  if (!list || list.length < 6) throw new Error('the peer showed no certificate')
  const certificate = new X509Certificate(list.subarray(6, 6 + list.readUIntBE(3, 3)))
  if (!hasFingerprint(certificate, fingerprints)) throw new Error('the certificate is not the one announced in the SDP')

  if (asServer) {
    // §7.4.8: it signed all that was said before, our part of the key exchange included …
    const [algorithm, signature] = signed(message(CERTIFICATE_VERIFY))
    const before = said.filter(({ msg_type }) => msg_type !== CERTIFICATE_VERIFY && msg_type !== FINISHED)
    assertSigned(certificate, algorithm, Buffer.concat(before.map((one) => one.serialize())), signature)
    // … and that is what was used, however often it said hello.
    const { key } = publicKeyIn(message(SERVER_KEY_EXCHANGE))
    if (!key.equals(cipher.localKeyPair.publicKey)) throw new Error('our key is not the one that the peer signed')
  } else {
    // §7.4.3: it signed its part of the key exchange, and both random numbers.
    const exchange = message(SERVER_KEY_EXCHANGE)
    const { end } = publicKeyIn(exchange)
    const [algorithm, signature] = signed(exchange.subarray(end))
    const parts = [cipher.localRandom.serialize(), cipher.remoteRandom.serialize(), exchange.subarray(0, end)]
    assertSigned(certificate, algorithm, Buffer.concat(parts), signature)
  }
}

const SERVER = 2

/** RFC 8422 §5.4: curve type, named curve, and the point with its length. */
function publicKeyIn(keyExchange: Buffer): { key: Buffer; end: number } {
  const end = 4 + keyExchange.readUInt8(3)
  return { key: keyExchange.subarray(4, end), end }
}

/** A digitally-signed struct (RFC 5246 §4.7). */
const signed = (bytes: Buffer): [algorithm: number, signature: Buffer] => [
  bytes.readUInt16BE(0),
  bytes.subarray(4, 4 + bytes.readUInt16BE(2)),
]

const ECDSA_SHA256 = 0x0403
const RSA_SHA256 = 0x0401

function assertSigned(certificate: X509Certificate, algorithm: number, data: Buffer, signature: Buffer) {
  const { publicKey } = certificate
  const expected = publicKey.asymmetricKeyType === 'ec' ? ECDSA_SHA256 : RSA_SHA256
  if (algorithm !== expected || !verify('sha256', data, publicKey, signature)) {
    throw new Error('the peer has not the key of its certificate')
  }
}

/** RFC 8122 §5.1: hash functions that are still good; the value in any case, with colons. */
function hasFingerprint(certificate: X509Certificate, fingerprints: Fingerprint[]): boolean {
  return fingerprints.some(({ algorithm, value }) => {
    const hash = /^sha-(256|384|512)$/.exec(algorithm.toLowerCase())?.[1]
    if (!hash) return false
    const digest = createHash(`sha${hash}`).update(certificate.raw).digest('hex')
    return digest === value.replaceAll(':', '').toLowerCase()
  })
}
