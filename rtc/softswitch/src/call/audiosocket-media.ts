import { connect } from 'node:net'
import type { SampleFormat } from '../media/sample-format.ts'
import { type Channel, createChannel, destroyChannel, emitHangupRequest, enterStasis, setState } from './channel.ts'
import type { Core } from './core.ts'
import { createMediaQueue } from './media-queue.ts'
import { createVirtualMedia } from './virtual-media.ts'

/** What a message is, in its first byte; two bytes of length follow, big-endian. */
const kinds = { hangup: 0x00, id: 0x01, digit: 0x03 }
/** Linear audio, of each rate by a number of its own. */
export const audioSocketFormats: Record<string, number> = { slin: 0x10, slin16: 0x12 }
const headerBytes = 3

const connectTimeoutMs = 10_000
/** Beyond this the other side does not read, and misses what is said meanwhile. */
const maxUnsentBytes = 64 * 1024
const causeNormal = 16
const causeUnreachable = 3

const message = (kind: number, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.of(kind, payload.length >> 8, payload.length & 0xff), payload])

/** A channel to a server that speaks Asterisk's AudioSocket, in linear audio; it is up when the connection is. */
export function createAudioSocketMedia(
  core: Core,
  options: {
    id: string
    address: string
    port: number
    uuid: string
    format: { kind: number; samples: SampleFormat }
    app: string
    appArgs: string[]
  },
): Channel {
  const { address, port } = options
  const { kind: audioKind, samples: format } = options.format
  const socket = connect({ host: address, port, timeout: connectTimeoutMs, noDelay: true })
  const queue = createMediaQueue(() => {})
  const media = createVirtualMedia(core.media.clock, {
    heard: queue.next,
    onSaid: (frame) => frame && send(audioKind, format.encode(frame)),
  })
  media.sendDtmf = async (digits) => {
    for (const digit of digits) send(kinds.digit, Buffer.from(digit))
  }
  const channel = createChannel(core, {
    id: options.id,
    name: core.nextChannelName(`AudioSocket/${address}:${port}-${options.uuid}`),
    endpoint: '',
    state: 'Down',
    media,
  })

  function send(kind: number, payload: Buffer) {
    if (socket.writable && socket.writableLength < maxUnsentBytes) socket.write(message(kind, payload))
  }

  function end(cause: number) {
    if (channel.ended) return
    emitHangupRequest(core, channel, { cause })
    destroyChannel(core, channel, cause)
  }

  let received: Buffer = Buffer.of()
  let audio: Buffer = Buffer.of()
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    while (received.length >= headerBytes) {
      const next = headerBytes + received.readUInt16BE(1)
      if (received.length < next) return
      take(received[0]!, received.subarray(headerBytes, next))
      received = received.subarray(next)
    }
  })

  function take(kind: number, payload: Buffer) {
    if (kind === kinds.hangup) return end(causeNormal)
    if (kind !== audioKind) return
    audio = Buffer.concat([audio, payload])
    const { frameBytes } = format
    for (; audio.length >= frameBytes; audio = audio.subarray(frameBytes)) {
      queue.push(format.decode(audio.subarray(0, frameBytes)))
    }
  }

  socket.on('connect', () => {
    socket.setTimeout(0)
    if (channel.ended) return
    socket.write(message(kinds.id, Buffer.from(options.uuid.replaceAll('-', ''), 'hex')))
    setState(core, channel, 'Up')
    enterStasis(core, channel, options.app, options.appArgs)
  })
  socket.on('timeout', () => socket.destroy(new Error('it accepts no connection')))
  socket.on('error', (error) => {
    core.warn({ err: error.message, channel_id: channel.id }, 'an external media failed')
    if (channel.state === 'Down') destroyChannel(core, channel, causeUnreachable)
  })
  socket.on('close', () => end(causeNormal))
  channel.onEnd.add(() => socket.destroySoon())
  return channel
}
