import { codecs as known } from '../media/codecs.ts'
import { telephoneEvents } from '../media/telephone-event.ts'
import type { CodecName, RemoteMedia } from '../media/types.ts'
import type { MediaSecurity } from '../webrtc/secure-media.ts'
import { isSecureProtocol, readMid, readSecurity, sessionLines, streamLines } from './sdp-security.ts'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

interface MediaLine {
  kind: string
  port: number
  protocol: string
  formats: string[]
  address: string
  rtpmap: Map<string, string>
  direction: Direction
  /** RTP and RTCP on one port (RFC 5761). */
  rtcpMux: boolean
  /** Where its RTCP is, if not on the next port (RFC 3605). */
  rtcpPort: number | undefined
  /** Those that are not above, without `a=`. */
  attributes: string[]
}

/** What of RFC 8866 a voice call needs. */
export interface Sdp {
  media: MediaLine[]
  /** Of the session as a whole. */
  attributes: string[]
}

const DIRECTIONS = new Set(['sendrecv', 'sendonly', 'recvonly', 'inactive'])

export function parseSdp(body: Buffer): Sdp | null {
  const text = body.toString('utf8')
  if (!text.startsWith('v=0')) return null
  let address = ''
  let direction: Direction = 'sendrecv'
  const media: MediaLine[] = []
  const attributes: string[] = []
  for (const line of text.split(/\r?\n/)) {
    const value = line.slice(2).trim()
    const current = media.at(-1)
    if (line.startsWith('c=')) {
      const found = /^IN IP[46] (\S+?)(?:\/\d+)*$/.exec(value)?.[1]
      if (!found) return null
      if (current) current.address = found
      else address = found
    } else if (line.startsWith('m=')) {
      const match = /^(\S+) (\d{1,5})(?:\/\d+)? (\S+) (.+)$/.exec(value)
      if (!match || Number(match[2]) > 65535) return null
      const [, kind = '', port, protocol = '', formats = ''] = match
      media.push({
        kind,
        port: Number(port),
        protocol,
        formats: formats.split(/\s+/),
        address,
        rtpmap: new Map(),
        direction,
        rtcpMux: false,
        rtcpPort: undefined,
        attributes: [],
      })
    } else if (line.startsWith('a=')) {
      const rtpmap = /^rtpmap:(\d+) (\S+)/.exec(value)
      const rtcpPort = /^rtcp:(\d{1,5})(?: |$)/.exec(value)?.[1]
      if (rtpmap && current) current.rtpmap.set(rtpmap[1]!, rtpmap[2]!.toLowerCase())
      else if (current && value === 'rtcp-mux') current.rtcpMux = true
      else if (current && Number(rtcpPort) > 0 && Number(rtcpPort) <= 65_535) current.rtcpPort = Number(rtcpPort)
      else if (DIRECTIONS.has(value)) {
        if (current) current.direction = value as Direction
        else direction = value as Direction
      } else (current?.attributes ?? attributes).push(value)
    }
  }
  return { media, attributes }
}

/** What we offer, best first: each phone speaks the first, and no call costs more than it must. */
const OFFERED: CodecName[] = ['PCMU', 'PCMA', 'G722', 'opus']

/** As in an rtpmap. RFC 7587 section 7: Opus is always said to have two channels, at 48 kHz. */
const rtpmapOf = (codec: CodecName): string => `${codec}/${known[codec].clockHz}${codec === 'opus' ? '/2' : ''}`

// RFC 7587 section 7.1: what we hear and say at most, and that we make use of forward error correction.
const OPUS_PARAMETERS = 'useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000'

// RFC 3551 section 6 and RFC 5761 section 4: below are numbers with a meaning, which no rtpmap changes.
const FIRST_FREE_PAYLOAD_TYPE = 35

function codecOf(line: MediaLine, format: string): CodecName | undefined {
  const isFixed = Number(format) < FIRST_FREE_PAYLOAD_TYPE
  const name = line.rtpmap.get(format)
  if (name === undefined && !isFixed) return undefined
  return OFFERED.find((codec) => {
    if (isFixed && String(known[codec].payloadType) !== format) return false
    const mapped = rtpmapOf(codec).toLowerCase()
    return name === undefined || name === mapped || name === `${mapped}/1`
  })
}

/** Its digits, on the clock of its audio where it has them so (RFC 4733 section 2.1), else at 8 kHz. */
function telephoneEventOf(line: MediaLine, codec: CodecName) {
  for (const hz of [known[codec].clockHz, 8000]) {
    const format = line.formats.find((pt) => line.rtpmap.get(pt) === `telephone-event/${hz}`)
    if (format !== undefined) return { telephoneEventPt: Number(format), telephoneEventHz: hz }
  }
  return {}
}

const attributesOf = (sdp: Sdp, line: MediaLine) => ({ session: sdp.attributes, media: line.attributes })

/** The stream that we can take part in, if there is one. */
const usableLine = (sdp: Sdp): MediaLine | undefined =>
  sdp.media.find((line) => {
    if (line.kind !== 'audio' || line.port === 0) return false
    if (line.protocol === 'RTP/AVP') return true
    // One port for all: what is protected has no other way for its RTCP (RFC 8834 §4.5).
    return isSecureProtocol(line.protocol) && line.rtcpMux && readSecurity(attributesOf(sdp, line)) !== undefined
  })

/** Whether an offer wants its media protected. */
export const isSecure = (sdp: Sdp): boolean => isSecureProtocol(usableLine(sdp)?.protocol ?? '')

export interface Negotiated {
  remote: RemoteMedia
  /** What the peer wants: `sendonly` or `inactive` puts us on hold (RFC 3264 §8.4). */
  direction: Direction
}

/** The first audio stream we can speak, in the peer's order of preference; `null` means 488. */
export function negotiate(sdp: Sdp): Negotiated | null {
  const line = usableLine(sdp)
  if (!line) return null
  for (const format of line.formats) {
    const codec = codecOf(line, format)
    if (!codec) continue
    // RFC 3264 §8.4: an address of 0.0.0.0 is the old way to hold.
    const security = isSecureProtocol(line.protocol) ? readSecurity(attributesOf(sdp, line)) : undefined
    const held = line.address === '0.0.0.0' && !security
    const { address, port, rtcpMux, rtcpPort } = line
    return {
      remote: {
        ...{ address, port, codec, payloadType: Number(format), rtcpMux },
        ...(rtcpPort !== undefined && { rtcpPort }),
        ...telephoneEventOf(line, codec),
        security,
      },
      direction: held && line.direction === 'sendrecv' ? 'sendonly' : line.direction,
    }
  }
  return null
}

/** RFC 3264 §6.1: the answer to a direction. */
const ANSWERED: Record<Direction, Direction> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
}

export interface LocalMedia {
  address: string
  port: number
  sessionId: number
  version: number
  /** What to offer, best first; absent: all that we have. */
  codecs?: CodecName[] | undefined
  /** Of a session that is secure: then so is what we offer. */
  security?: MediaSecurity | undefined
}

function head({ address, sessionId, version }: LocalMedia): string {
  const family = address.includes(':') ? 'IP6' : 'IP4'
  return `v=0\r\no=- ${sessionId} ${version} IN ${family} ${address}\r\ns=Sidetone\r\nc=IN ${family} ${address}\r\nt=0 0\r\n`
}

interface AudioLine {
  port: number
  protocol: string
  /** By payload type, best first. */
  codecs: Map<number, CodecName>
  /** Clock rates of the digits, by payload type. */
  events: Map<number, number>
  rtcpMux: boolean
  direction: Direction
  /** More attributes, as whole lines. */
  more: string
}

function audio({ port, protocol, codecs, events, rtcpMux, direction, more }: AudioLine): string {
  let text = `m=audio ${port} ${protocol} ${[...codecs.keys(), ...events.keys()].join(' ')}\r\n`
  for (const [payloadType, codec] of codecs) {
    text += `a=rtpmap:${payloadType} ${rtpmapOf(codec)}\r\n`
    if (codec === 'opus') text += `a=fmtp:${payloadType} ${OPUS_PARAMETERS}\r\n`
  }
  for (const [payloadType, hz] of events) {
    text += `a=rtpmap:${payloadType} telephone-event/${hz}\r\na=fmtp:${payloadType} 0-16\r\n`
  }
  return `${text}a=ptime:20\r\n${more}${rtcpMux ? 'a=rtcp-mux\r\n' : ''}a=${direction}\r\n`
}

export function makeOffer(local: LocalMedia, direction: Direction = 'sendrecv'): Buffer {
  const codecs = new Map((local.codecs ?? OFFERED).map((codec) => [known[codec].payloadType, codec]))
  const clocks = new Set([...codecs.values()].map((codec) => known[codec].clockHz)).add(8000)
  const events = new Map(
    Object.entries(telephoneEvents).flatMap(([hz, payloadType]) =>
      clocks.has(Number(hz)) ? [[payloadType, Number(hz)] as const] : [],
    ),
  )
  const { port, security } = local
  const stream = { mid: '0', bundled: true }
  const protocol = security ? 'UDP/TLS/RTP/SAVPF' : 'RTP/AVP'
  const more = security ? streamLines(security, { ...local, mid: stream.mid, isOffer: true }) : ''
  const line = audio({ port, protocol, codecs, events, rtcpMux: true, direction, more })
  return Buffer.from(head(local) + (security ? sessionLines(stream) : '') + line)
}

/** Our side of what was agreed, in the numbers of the offer. */
function answered({ remote, direction }: Negotiated, { port }: LocalMedia): Omit<AudioLine, 'protocol' | 'more'> {
  const { codec, payloadType = known[codec].payloadType, telephoneEventPt, telephoneEventHz = 8000 } = remote
  return {
    port,
    codecs: new Map([[payloadType, codec]]),
    events: telephoneEventPt === undefined ? new Map() : new Map([[telephoneEventPt, telephoneEventHz]]),
    rtcpMux: remote.rtcpMux === true,
    direction: ANSWERED[direction],
  }
}

/** One m-line for each offered one, in order; all but the chosen audio are refused with port 0 (RFC 3264 §6). */
export function makeAnswer(offer: Sdp, negotiated: Negotiated, local: LocalMedia): Buffer {
  const chosen = usableLine(offer)!
  const { security } = local
  const stream = readMid(attributesOf(offer, chosen))
  const more = security ? streamLines(security, { ...local, mid: stream?.mid, isOffer: false }) : ''
  let text = head(local) + (security ? sessionLines(stream) : '')
  for (const line of offer.media) {
    text +=
      line === chosen
        ? audio({ ...answered(negotiated, local), protocol: line.protocol, more })
        : `m=${line.kind} 0 ${line.protocol} ${line.formats.join(' ')}\r\n`
  }
  return Buffer.from(text)
}
