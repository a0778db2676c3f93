import type { CodecName, RemoteMedia } from '../media/types.ts'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

interface MediaLine {
  kind: string
  port: number
  protocol: string
  formats: string[]
  address: string
  rtpmap: Map<string, string>
  direction: Direction
}

/** What of RFC 8866 a voice call needs. */
export interface Sdp {
  media: MediaLine[]
}

const DIRECTIONS = new Set(['sendrecv', 'sendonly', 'recvonly', 'inactive'])

export function parseSdp(body: Buffer): Sdp | null {
  const text = body.toString('utf8')
  if (!text.startsWith('v=0')) return null
  let address = ''
  let direction: Direction = 'sendrecv'
  const media: MediaLine[] = []
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
      })
    } else if (line.startsWith('a=')) {
      const rtpmap = /^rtpmap:(\d+) (\S+)/.exec(value)
      if (rtpmap && current) current.rtpmap.set(rtpmap[1]!, rtpmap[2]!.toLowerCase())
      else if (DIRECTIONS.has(value)) {
        if (current) current.direction = value as Direction
        else direction = value as Direction
      }
    }
  }
  return { media }
}

const STATIC: Record<string, CodecName> = { '0': 'PCMU', '8': 'PCMA' }
const PAYLOAD_TYPE: Record<CodecName, number> = { PCMU: 0, PCMA: 8 }
/** What we offer, best first. */
const CODECS: CodecName[] = ['PCMU', 'PCMA']
const TELEPHONE_EVENT_PT = 101

function codecOf(line: MediaLine, format: string): CodecName | undefined {
  const name = line.rtpmap.get(format)
  if (name === undefined) return STATIC[format]
  return CODECS.find((codec) => name === `${codec.toLowerCase()}/8000` || name === `${codec.toLowerCase()}/8000/1`)
}

const isUsable = (line: MediaLine): boolean => line.kind === 'audio' && line.port !== 0 && line.protocol === 'RTP/AVP'

export interface Negotiated {
  remote: RemoteMedia
  /** What the peer wants: `sendonly` or `inactive` puts us on hold (RFC 3264 §8.4). */
  direction: Direction
}

/** The first audio stream we can speak, in the peer's order of preference; `null` means 488. */
export function negotiate(sdp: Sdp): Negotiated | null {
  const line = sdp.media.find(isUsable)
  if (!line) return null
  for (const format of line.formats) {
    const codec = codecOf(line, format)
    if (!codec || PAYLOAD_TYPE[codec] !== Number(format)) continue
    const event = line.formats.find((pt) => line.rtpmap.get(pt) === 'telephone-event/8000')
    // RFC 3264 §8.4: an address of 0.0.0.0 is the old way to hold.
    const held = line.address === '0.0.0.0'
    return {
      remote: {
        address: line.address,
        port: line.port,
        codec,
        telephoneEventPt: event === undefined ? undefined : Number(event),
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
}

function head({ address, sessionId, version }: LocalMedia): string {
  const family = address.includes(':') ? 'IP6' : 'IP4'
  return `v=0\r\no=- ${sessionId} ${version} IN ${family} ${address}\r\ns=Sidetone\r\nc=IN ${family} ${address}\r\nt=0 0\r\n`
}

function audio(port: number, codecs: CodecName[], telephoneEventPt: number | undefined, direction: Direction): string {
  const types = [
    ...codecs.map((codec) => PAYLOAD_TYPE[codec]),
    ...(telephoneEventPt === undefined ? [] : [telephoneEventPt]),
  ]
  let text = `m=audio ${port} RTP/AVP ${types.join(' ')}\r\n`
  for (const codec of codecs) text += `a=rtpmap:${PAYLOAD_TYPE[codec]} ${codec}/8000\r\n`
  if (telephoneEventPt !== undefined) {
    text += `a=rtpmap:${telephoneEventPt} telephone-event/8000\r\na=fmtp:${telephoneEventPt} 0-16\r\n`
  }
  return `${text}a=ptime:20\r\na=${direction}\r\n`
}

export function makeOffer(local: LocalMedia, direction: Direction = 'sendrecv'): Buffer {
  return Buffer.from(head(local) + audio(local.port, local.codecs ?? CODECS, TELEPHONE_EVENT_PT, direction))
}

/** One m-line for each offered one, in order; all but the chosen audio are refused with port 0 (RFC 3264 §6). */
export function makeAnswer(offer: Sdp, negotiated: Negotiated, local: LocalMedia): Buffer {
  const chosen = offer.media.find(isUsable)
  let text = head(local)
  for (const line of offer.media) {
    text +=
      line === chosen
        ? audio(
            local.port,
            [negotiated.remote.codec],
            negotiated.remote.telephoneEventPt,
            ANSWERED[negotiated.direction],
          )
        : `m=${line.kind} 0 ${line.protocol} ${line.formats.join(' ')}\r\n`
  }
  return Buffer.from(text)
}
