import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'

export interface Load {
  /** Opens calls that stay up until `hangUp`. */
  open(options: { calls: number; perSecond: number }): Promise<Answers>
  /** Opens calls for that long; the far side ends each. */
  flow(options: { perSecond: number; seconds: number }): Promise<Answers>
  /** What the calls that are up hear. */
  listen(options: { seconds: number }): Promise<Heard>
  hangUp(): Promise<void>
}

export interface Answers {
  /** Milliseconds from each INVITE to its 200. */
  answerMs: number[]
  /** Calls ended by a BYE that was answered. */
  completed: number
  /** How many calls got which final status other than 200; 0 is none in time. */
  refused: Record<string, number>
}

export interface Heard {
  sent: number
  received: number
  /** Of those received: with what another, or the echo, said. */
  withSound: number
  /** By how much the time between two packets of a call misses 20 ms. */
  pacingMs: { p50: number; p99: number; max: number }
}

interface Call {
  id: string
  sentAt: number
  audio: Audio
  toTag: string
  contact: string
  state: 'calling' | 'up' | 'ending' | 'over'
  retry?: NodeJS.Timeout
  onAnswer(): void
  onEnd(status: number): void
}

interface Audio {
  socket: Socket
  port: number
  packet: Buffer
  target: number
  heardAt: number
}

const frameMs = 20
const groups = 10
const host = '127.0.0.1'
const patienceMs = 15_000
const dialled = '+15550100000'

/**
 * Phones as cheap as they can be, so that the switch is what is measured: one SIP port, and with `audio` one RTP port for
 * each call. Without, all name one port at which nobody reads.
 */
export async function openLoad({ sipPort, audio: withAudio }: { sipPort: number; audio: boolean }): Promise<Load> {
  const sip = await openSocket()
  const ownPort = sip.address().port
  const calls = new Map<string, Call>()
  const idle: Audio[] = []
  const run = Math.random().toString(36).slice(2, 8)
  let made = 0
  let heard = newHeard()

  const deafPort = withAudio ? 0 : await openDeafPort()

  async function openAudio(): Promise<Audio> {
    if (!withAudio) return { socket: sip, port: deafPort, packet: Buffer.alloc(0), target: 0, heardAt: 0 }
    const socket = await openSocket()
    const packet = Buffer.alloc(172, 0x20 + (made % 64)) // loud; each phone says something else
    packet.writeUInt32BE(Math.floor(Math.random() * 0xffffffff), 8)
    packet[0] = 0x80
    packet[1] = 0
    const audio: Audio = { socket, port: socket.address().port, packet, target: 0, heardAt: 0 }
    socket.on('message', (bytes) => {
      const now = performance.now()
      heard.received++
      const code = bytes[90]!
      if (code !== 0xff && code !== 0x7f && code !== 0xd5 && code !== 0x55) heard.withSound++
      if (audio.heardAt > 0) heard.misses.push(Math.abs(now - audio.heardAt - frameMs))
      audio.heardAt = now
    })
    return audio
  }

  const send = (lines: string[], body = '') =>
    sip.send(
      `${lines.join('\r\n')}\r\n${body && 'Content-Type: application/sdp\r\n'}Content-Length: ${body.length}\r\n\r\n${body}`,
      sipPort,
      host,
    )

  const request = ({ id, toTag, contact }: Call, method: string, number: number, branch: string) => [
    `${method} ${contact} SIP/2.0`,
    `Via: SIP/2.0/UDP ${host}:${ownPort};branch=z9hG4bK${branch}${id};rport`,
    `From: <sip:load@load.test>;tag=${id}`,
    `To: <sip:${dialled}@${host}:${sipPort}>${toTag}`,
    `Call-ID: ${id}`,
    `CSeq: ${number} ${method}`,
    `Contact: <sip:load@${host}:${ownPort}>`,
    'Max-Forwards: 70',
  ]

  async function call(handlers: Pick<Call, 'onAnswer' | 'onEnd'>): Promise<Call> {
    const audio = idle.pop() ?? (await openAudio())
    const id = `${run}${++made}`
    const contact = `sip:${dialled}@${host}:${sipPort}`
    const one: Call = { id, audio, sentAt: 0, toTag: '', contact, state: 'calling', ...handlers }
    calls.set(id, one)
    one.sentAt = performance.now()
    repeat(one, () => send(request(one, 'INVITE', 1, 'i'), offer(audio.port)))
    return one
  }

  /** As RFC 3261 repeats over UDP. */
  function repeat(call: Call, again: () => void, waitMs = 500) {
    again()
    call.retry = setTimeout(() => {
      if (performance.now() - call.sentAt > patienceMs) over(call, 0)
      else repeat(call, again, 2 * waitMs)
    }, waitMs)
  }

  function over(call: Call, status: number) {
    if (call.state === 'over') return
    call.state = 'over'
    clearTimeout(call.retry)
    calls.delete(call.id)
    call.audio.target = 0
    call.audio.heardAt = 0
    idle.push(call.audio)
    call.onEnd(status)
  }

  function bye(call: Call) {
    call.state = 'ending'
    call.sentAt = performance.now()
    clearTimeout(call.retry)
    repeat(call, () => send(request(call, 'BYE', 2, 'b')))
  }

  sip.on('message', (bytes) => {
    const text = bytes.toString('latin1')
    const call = calls.get(/^Call-ID:\s*(\S+)/im.exec(text)?.[1] ?? '')
    if (text.startsWith('BYE')) {
      const copied = text.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line))
      send(['SIP/2.0 200 OK', ...copied])
      if (call) over(call, 200)
    } else if (call && text.startsWith('SIP/2.0 ')) answered(call, Number(text.slice(8, 11)), text)
  })

  function answered(call: Call, status: number, text: string) {
    const method = /^CSeq:\s*\d+ (\w+)/im.exec(text)?.[1]
    if (status < 200) return call.state === 'calling' ? clearTimeout(call.retry) : undefined
    if (method === 'BYE') return over(call, 200)
    call.toTag = /^To:.*?(;tag=[^;\r\n]+)/im.exec(text)?.[1] ?? ''
    if (status >= 300) {
      send(request(call, 'ACK', 1, 'i'))
      return over(call, status)
    }
    call.contact = /^Contact:\s*<([^>]+)>/im.exec(text)?.[1] ?? call.contact
    send(request(call, 'ACK', 1, 'a'))
    if (call.state !== 'calling') return
    clearTimeout(call.retry)
    call.state = 'up'
    if (withAudio) call.audio.target = Number(/^m=audio (\d+)/m.exec(text)?.[1])
    call.onAnswer()
  }

  // A tenth of the phones speak every 2 ms, as phones do that know nothing of each other.
  let tick = 0
  const begun = performance.now()
  const speaking = withAudio ? setInterval(speak, frameMs / groups) : undefined
  function speak() {
    const due = Math.floor(((performance.now() - begun) * groups) / frameMs)
    for (; tick < due; tick++) {
      let number = 0
      for (const { audio } of calls.values()) if (number++ % groups === tick % groups && audio.target > 0) say(audio)
    }
  }
  function say({ socket, packet, target }: Audio) {
    packet.writeUInt16BE((packet.readUInt16BE(2) + 1) & 0xffff, 2)
    packet.writeUInt32BE((packet.readUInt32BE(4) + 160) >>> 0, 4)
    heard.sent++
    socket.send(packet, target, host)
  }

  async function many(count: number, perSecond: number, until: 'answered' | 'ended'): Promise<Answers> {
    const answers: Answers = { answerMs: [], completed: 0, refused: {} }
    const waiting: Promise<void>[] = []
    const from = performance.now()
    for (let n = 0; n < count; ) {
      const due = Math.min(count, Math.floor(((performance.now() - from) * perSecond) / 1_000) + 1)
      for (; n < due; n++) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.push(promise)
        const one = await call({
          onAnswer() {
            answers.answerMs.push(performance.now() - one.sentAt)
            if (until === 'answered') resolve()
          },
          onEnd(status) {
            if (status === 200) answers.completed++
            else answers.refused[status] = (answers.refused[status] ?? 0) + 1
            resolve()
          },
        })
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const left = new Promise<never>((_, reject) => {
      const late = () =>
        reject(new Error(`${calls.size} calls were never ${until}: ${JSON.stringify(answers.refused)}`))
      setTimeout(late, 2 * patienceMs).unref()
    })
    await Promise.race([Promise.all(waiting), left])
    return answers
  }

  return {
    open: ({ calls: count, perSecond }) => many(count, perSecond, 'answered'),
    flow: ({ perSecond, seconds }) => many(perSecond * seconds, perSecond, 'ended'),
    async listen({ seconds }) {
      for (const { audio } of calls.values()) audio.heardAt = 0
      heard = newHeard()
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
      const { sent, received, withSound, misses } = heard
      const sorted = Float64Array.from(misses).sort()
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
      return { sent, received, withSound, pacingMs: { p50: at(0.5), p99: at(0.99), max: at(1) } }
    },
    async hangUp() {
      for (const call of calls.values()) if (call.state === 'up') bye(call)
      const until = performance.now() + patienceMs
      while (calls.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20))
      if (calls.size > 0) throw new Error(`${calls.size} calls did not end`)
      clearInterval(speaking)
    },
  }
}

const newHeard = () => ({ sent: 0, received: 0, withSound: 0, misses: [] as number[] })

/** What is sent there costs nobody anything: the kernel drops it, as its reader has stopped for ever. */
async function openDeafPort(): Promise<number> {
  const deaf = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const socket = require('node:dgram').createSocket('udp4').bind(0, '${host}', () => {
       parentPort.postMessage(socket.address().port)
       setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50)
     })`,
    { eval: true },
  )
  deaf.unref()
  const [port] = await once(deaf, 'message')
  return port
}

async function openSocket(): Promise<Socket> {
  const lookup = (name: string, _: unknown, callback: (error: null, address: string, family: number) => void) =>
    callback(null, name, 4)
  const socket = createSocket({ type: 'udp4', lookup: lookup as never, recvBufferSize: 1 << 21 })
  const listening = once(socket, 'listening')
  socket.bind(0, host)
  await listening
  return socket
}

const offer = (port: number) =>
  `v=0\r\no=- 1 1 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n`
