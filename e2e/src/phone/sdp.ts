import { type Codec, formats } from './codec.ts'
import type { Address } from './sip-message.ts'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
/** What one side says about its audio stream. `codecs` maps payload types in order of preference. */
export type AudioDescription = {
  address: Address
  codecs: Map<number, Codec>
  /** Payload types of telephone events (RFC 4733), with their clock rates. */
  events: Map<number, number>
  direction: Direction
}

const staticPayloads: Record<number, string> = { 0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000' }
const codecNames = Object.keys(formats) as Codec[]

/** Reads the first audio stream of an SDP body (RFC 8866); undefined when there is none that is in use. */
export function parseSdp(body: string): AudioDescription | undefined {
  const lines = body.split(/\r?\n/)
  const start = lines.findIndex((line) => line.startsWith('m=audio '))
  if (start < 0) return undefined
  const end = lines.findIndex((line, i) => i > start && line.startsWith('m='))
  const media = lines.slice(start, end < 0 ? undefined : end)
  const session = lines.slice(
    0,
    lines.findIndex((line) => line.startsWith('m=')),
  )
  const find = (pattern: RegExp) =>
    media.map((line) => pattern.exec(line)).find(Boolean) ?? session.map((line) => pattern.exec(line)).find(Boolean)

  const [, port = '0', , ...payloads] = media[0]!.slice(2).split(' ')
  if (port === '0') return undefined
  const rtpmap = new Map(
    media.flatMap((line) => {
      const found = /^a=rtpmap:(\d+) (\S+)/.exec(line)
      return found ? [[Number(found[1]), found[2]!]] : []
    }),
  )
  const codecs = new Map<number, Codec>()
  const events = new Map<number, number>()
  for (const payload of payloads.map(Number)) {
    const name = (rtpmap.get(payload) ?? staticPayloads[payload] ?? '').toLowerCase().replace(/\/1$/, '')
    const codec = codecNames.find((known) => formats[known].rtpmap.toLowerCase() === name)
    if (codec) codecs.set(payload, codec)
    const eventHz = /^telephone-event\/(\d+)$/.exec(name)?.[1]
    if (eventHz) events.set(payload, Number(eventHz))
  }
  return {
    address: { host: find(/^c=IN IP[46] ([^\s/]+)/)?.[1] ?? '0.0.0.0', port: Number(port) },
    codecs,
    events,
    direction: (find(/^a=(sendrecv|sendonly|recvonly|inactive)\s*$/)?.[1] ?? 'sendrecv') as Direction,
  }
}

/** Writes an SDP body for one audio stream. */
export function formatSdp(audio: AudioDescription, { id, version }: { id: number; version: number }): string {
  const payloads = [...audio.codecs.keys(), ...audio.events.keys()]
  return [
    'v=0',
    `o=phone ${id} ${version} IN IP4 ${audio.address.host}`,
    's=-',
    `c=IN IP4 ${audio.address.host}`,
    't=0 0',
    `m=audio ${audio.address.port} RTP/AVP ${payloads.join(' ')}`,
    ...[...audio.codecs].map(([payload, codec]) => `a=rtpmap:${payload} ${formats[codec].rtpmap}`),
    ...[...audio.events].flatMap(([payload, hz]) => [
      `a=rtpmap:${payload} telephone-event/${hz}`,
      `a=fmtp:${payload} 0-15`,
    ]),
    'a=ptime:20',
    `a=${audio.direction}`,
    '',
  ].join('\r\n')
}

/** Our answer to an offer (RFC 3264): the codecs of both in the offerer's order and with its numbers. */
export function answerTo(offer: AudioDescription, ours: AudioDescription): AudioDescription | undefined {
  const wanted = new Set(ours.codecs.values())
  const codecs = new Map([...offer.codecs].filter(([, codec]) => wanted.has(codec)))
  if (codecs.size === 0) return undefined
  const mirrored = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' } as const
  return {
    address: ours.address,
    codecs,
    events: ours.events.size === 0 ? new Map() : eventsFor(codecs.values().next().value!, offer.events),
    direction: mirrored[offer.direction],
  }
}

/** Those on the clock of the codec, else whatever there is. */
function eventsFor(codec: Codec, offered: Map<number, number>): Map<number, number> {
  const fitting = [...offered].filter(([, hz]) => hz === formats[codec].clockHz)
  return new Map((fitting.length > 0 ? fitting : [...offered]).slice(0, 1))
}
