import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { sine, toneShare } from './phone/index.ts'

type Encapsulation = 'rtp' | 'sln' | 'audiosocket'

const frameBytes = 320

/** What VoIPBIN's clients do with each encapsulation; `problem` says what is wrong with a frame. */
const packing: Record<
  Encapsulation,
  {
    headerBytes: number
    pack: (pcm: Buffer, index: number) => Buffer
    problem: (frame: Buffer, index: number) => string | undefined
  }
> = {
  sln: { headerBytes: 0, pack: (pcm) => pcm, problem: () => undefined },
  audiosocket: {
    headerBytes: 3,
    pack: (pcm) => Buffer.concat([Buffer.from([0x10, pcm.length >> 8, pcm.length & 0xff]), pcm]),
    problem: (frame) => (frame.readUIntBE(0, 3) === 0x10_0140 ? undefined : `header ${frame.toString('hex', 0, 3)}`),
  },
  rtp: {
    headerBytes: 12,
    pack(pcm, index) {
      const header = Buffer.alloc(12)
      header.writeUInt16BE(0x8060)
      header.writeUInt16BE((index + 1) & 0xffff, 2)
      header.writeUInt32BE(index * frameBytes, 4)
      return Buffer.concat([header, pcm])
    },
    problem(frame, index) {
      const expected = packing.rtp.pack(Buffer.alloc(0), index)
      return frame.subarray(0, 12).equals(expected) ? undefined : `header ${frame.toString('hex', 0, 12)}`
    },
  },
}

/** A client of a call's media stream; rejects with the HTTP status of a refusal. */
export async function openMediaStream(url: string) {
  const encapsulation = (new URL(url).searchParams.get('encapsulation')?.toLowerCase() ?? 'rtp') as Encapsulation
  const { headerBytes, pack, problem } = packing[encapsulation]
  const socket = new WebSocket(url)
  const samples: number[] = []
  const problems: string[] = []
  let frames = 0
  socket.on('message', (data: Buffer) => {
    const found = problem(data, frames++)
    if (found) problems.push(found)
    if (data.length !== headerBytes + frameBytes) problems.push(`${data.length} bytes`)
    for (let at = headerBytes; at + 2 <= data.length; at += 2) samples.push(data.readInt16LE(at))
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
  )
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (_, response) => reject(new Error(String(response.statusCode))))
  })
  return {
    closed,
    /** What was wrong with the frames that came. */
    problems,
    close: () => socket.close(),
    /** Resolves once the last half second holds this tone and little else. */
    async hears(frequency: number, { timeoutMs = 5_000 } = {}): Promise<void> {
      const until = Date.now() + timeoutMs
      for (;;) {
        const last = Int16Array.from(samples.slice(-4_000))
        if (last.length === 4_000 && toneShare(last, frequency) > 0.8) return
        if (Date.now() > until) throw new Error(`${frequency} Hz was not heard; ${samples.length} samples came`)
        await sleep(20)
      }
    },
    /** Sends all of it at once. */
    say({ frequency, durationMs }: { frequency: number; durationMs: number }): void {
      const pcm = Buffer.from(sine(frequency, durationMs).buffer)
      for (let at = 0; at < pcm.length; at += frameBytes)
        socket.send(pack(pcm.subarray(at, at + frameBytes), at / frameBytes))
    },
  }
}
