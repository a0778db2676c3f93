import type { MediaSecurity, RemoteSecurity } from '../webrtc/secure-media.ts'

/** What the attributes of a stream, or else of the whole session, say about its protection. */
interface Attributes {
  session: string[]
  media: string[]
}

/** RTP that is protected, with or without feedback (RFC 5764 §8, RFC 5124). */
export const isSecureProtocol = (protocol: string): boolean => /^(?:UDP\/TLS\/)?RTP\/SAVPF?$/.test(protocol)

/** ICE and DTLS of a stream (RFC 8839, RFC 8842); `undefined` when something is missing. */
export function readSecurity({ session, media }: Attributes): RemoteSecurity | undefined {
  const all = (name: string): string[] =>
    [media, session]
      .map((lines) => lines.flatMap((line) => (line.startsWith(`${name}:`) ? line.slice(name.length + 1).trim() : [])))
      .find((values) => values.length > 0) ?? []
  const [iceUfrag] = all('ice-ufrag')
  const [icePwd] = all('ice-pwd')
  const fingerprints = all('fingerprint').flatMap((value) => {
    const [, algorithm, hash] = /^(\S+) +([0-9A-Fa-f:]+)$/.exec(value) ?? []
    return algorithm && hash ? [{ algorithm, value: hash }] : []
  })
  const setup = all('setup')[0] ?? 'passive' // RFC 4145 §4: an answer that leaves it out; an offer never does
  if (!iceUfrag || !icePwd || fingerprints.length === 0) return undefined
  if (setup !== 'active' && setup !== 'passive' && setup !== 'actpass') return undefined
  return { iceUfrag, icePwd, fingerprints, setup }
}

/** The identification of a stream, and the group it is in (RFC 8843). */
export function readMid({ session, media }: Attributes): { mid: string; bundled: boolean } | undefined {
  const mid = media
    .find((line) => line.startsWith('mid:'))
    ?.slice(4)
    .trim()
  if (!mid) return undefined
  const bundled = session.some((line) => line.startsWith('group:BUNDLE ') && line.split(/\s+/).includes(mid))
  return { mid, bundled }
}

/** What is said of the whole session. */
export const sessionLines = (stream: { mid: string; bundled: boolean } | undefined): string =>
  `a=ice-lite\r\n${stream?.bundled ? `a=group:BUNDLE ${stream.mid}\r\n` : ''}`

/** What is said of a protected stream. An offer leaves it to the peer who begins (RFC 8842 §5.2). */
export function streamLines(
  { iceUfrag, icePwd, fingerprint, setup }: MediaSecurity,
  { address, port, mid, isOffer }: { address: string; port: number; mid: string | undefined; isOffer: boolean },
): string {
  return [
    ...(mid === undefined ? [] : [`mid:${mid}`]),
    'msid:sidetone audio', // a page gets its track in a stream (RFC 8830)
    `ice-ufrag:${iceUfrag}`,
    `ice-pwd:${icePwd}`,
    // RFC 8839 §5.1: the one host candidate; its priority is that of RFC 8445 §5.1.2.1 for the best.
    `candidate:1 1 udp 2130706431 ${address} ${port} typ host`,
    'end-of-candidates',
    `fingerprint:${fingerprint}`,
    `setup:${isOffer ? 'actpass' : setup}`,
  ]
    .map((line) => `a=${line}\r\n`)
    .join('')
}
