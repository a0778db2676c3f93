import type { WebSocket } from 'ws'
import type { Frame } from '../media/index.ts'
import type { SampleFormat } from '../media/sample-format.ts'
import { createMediaQueue } from './media-queue.ts'

export type Direction = 'in' | 'out' | 'both'

/** Beyond this the other side does not read, and misses what is said meanwhile. */
const maxUnsentBytes = 256 * 1024

type Fields = Record<string, unknown>

/**
 * The protocol of Asterisk's chan_websocket: audio in binary messages, control in text messages, which are JSON or the older
 * plain text. Audio may come in any size and as fast as it likes; it is cut into frames and played in time.
 */
export function createMediaSocket(options: {
  ws: WebSocket
  channelId: string
  format: SampleFormat
  isJson: boolean
  direction: Direction
  answer(): void
  hangUp(): void
}) {
  const { ws, format, isJson } = options
  let { direction } = options
  let rest: Buffer = Buffer.of()
  let buffering = false
  const queue = createMediaQueue((event) => send(event))

  function send(event: string, fields: Fields = {}, plain = plainOf(fields)) {
    if (ws.readyState !== ws.OPEN) return
    const about = { event, channel_id: options.channelId, ...fields }
    ws.send(isJson ? JSON.stringify(about) : [event, plain].filter(Boolean).join(' '))
  }

  function fail(error_text: string) {
    send('ERROR', { error_text }, `channel_id:${options.channelId} error_text:${error_text}`)
  }

  function onAudio(bytes: Buffer) {
    if (direction === 'in') return
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    let at = 0
    for (; at + format.frameBytes <= all.length; at += format.frameBytes) {
      queue.push(format.decode(all.subarray(at, at + format.frameBytes)))
    }
    rest = Buffer.from(all.subarray(at))
  }

  /** What is left of a buffered piece is filled up with silence. */
  function padRest() {
    if (rest.length === 0) return
    queue.push(format.decode(Buffer.concat([rest, format.encode(new Int16Array(160)).subarray(rest.length)])))
    rest = Buffer.of()
  }

  /** Tells, when the playing has come here. */
  function markAs(event: string, correlation_id: string) {
    queue.mark(() => send(event, correlation_id === '' ? {} : { correlation_id }, correlation_id))
  }

  function onCommand(command: string, argument: string) {
    switch (command) {
      case 'ANSWER':
        return options.answer()
      case 'HANGUP':
        return options.hangUp()
      case 'START_MEDIA_BUFFERING':
        buffering = true
        return
      case 'STOP_MEDIA_BUFFERING':
        if (!buffering) return
        buffering = false
        padRest()
        return markAs('MEDIA_BUFFERING_COMPLETED', argument)
      case 'MARK_MEDIA':
        return markAs('MEDIA_MARK_PROCESSED', argument)
      case 'FLUSH_MEDIA':
        buffering = false
        rest = Buffer.of()
        return queue.flush()
      case 'PAUSE_MEDIA':
        return queue.pause(true)
      case 'CONTINUE_MEDIA':
        return queue.pause(false)
      case 'REPORT_QUEUE_DRAINED':
        return queue.reportDrained()
      case 'GET_STATUS': {
        const status = queue.status()
        return send('STATUS', status, plainOf({ channel_id: options.channelId, ...status }))
      }
      case 'SET_MEDIA_DIRECTION':
        if (!isJson) return fail('SET_MEDIA_DIRECTION only supports JSON format.\n')
        if (argument === 'in' || argument === 'out' || argument === 'both') direction = argument
        else fail(`'${argument}' is not a valid direction for SET_MEDIA_DIRECTION.\n`)
    }
  }

  function onText(text: string) {
    if (!isJson) {
      const [command = '', argument = ''] = text.trim().split(/\s+/)
      return onCommand(command, argument)
    }
    const message = parseObject(text)
    if (!message) return fail('Unable to parse JSON command')
    const argument = message.correlation_id ?? message.direction
    onCommand(String(message.command), typeof argument === 'string' ? argument : '')
  }

  ws.on('message', (data: Buffer, isBinary) => (isBinary ? onAudio(data) : onText(data.toString())))

  return {
    send,
    /** What the application says in this tick. */
    heard: () => queue.next(),
    /** Gives the application what is said to it. */
    say(frame: Frame) {
      if (direction === 'out' || ws.readyState !== ws.OPEN || ws.bufferedAmount > maxUnsentBytes) return
      ws.send(format.encode(frame), { binary: true })
    },
    digit: (digit: string) => send('DTMF_END', { digit }, `digit:${digit} channel_id:${options.channelId}`),
  }
}

export type MediaSocket = ReturnType<typeof createMediaSocket>

const plainOf = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}:${value}`)
    .join(' ')

function parseObject(text: string): Fields | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
