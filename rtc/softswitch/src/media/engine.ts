import { createClock } from './clock.ts'
import { loadOpus } from './opus.ts'
import { createPorts, type PortRange } from './ports.ts'
import { createSession, noPackets, type SessionOptions } from './session.ts'
import { type MakeSecure, type PacketTransport, securable, udpTransport } from './transport.ts'
import type { MediaSession, MediaStats } from './types.ts'

export interface MediaEngineOptions extends PortRange {
  /** Absent: no session can be secured. */
  makeSecure?: MakeSecure | undefined
  log?: { warn(fields: object, message: string): void } | undefined
}

/** All RTP sessions of a process and the one clock they share. */
export function createMediaEngine({ log, makeSecure, ...range }: MediaEngineOptions) {
  const ports = createPorts(range)
  const clock = createClock((error) => log?.warn({ err: error }, 'media of a call stopped by an error'))
  const sessions = new Set<MediaSession>()
  const ended = noPackets()
  const ready = loadOpus().catch((error: unknown) => log?.warn({ err: error }, 'Opus cannot be spoken'))
  let sendErrors = 0

  const addUp = (total: MediaStats, stats: MediaStats) => {
    for (const key of Object.keys(stats) as (keyof MediaStats)[]) total[key] += stats[key]
  }

  // A destination that cannot be reached fails for each packet: counted, told once per session.
  const onSendError = (localPort: number) => {
    let isTold = false
    return (error: Error | null) => {
      if (!error) return
      sendErrors++
      if (!isTold) log?.warn({ err: error, local_port: localPort }, 'RTP could not be sent')
      isTold = true
    }
  }

  async function openUdp(): Promise<PacketTransport> {
    const socket = await ports.open()
    const { port } = socket.address()
    socket.on('error', (error) => log?.warn({ err: error, local_port: port }, 'RTP socket failed'))
    const udp = udpTransport(socket, onSendError(port), async () => {
      const control = await ports.openNext(port)
      control.on('error', (error) => log?.warn({ err: error, local_port: port + 1 }, 'RTCP socket failed'))
      return control
    })
    return makeSecure ? securable(udp, makeSecure) : udp
  }

  return {
    clock,
    canSecure: makeSecure !== undefined,
    /** On a UDP port of its own, or on the transport given. */
    async openSession({
      transport,
      ...options
    }: SessionOptions & { transport?: PacketTransport | undefined } = {}): Promise<MediaSession> {
      await ready
      const session = createSession(transport ?? (await openUdp()), clock, options, (stats) => {
        sessions.delete(session)
        addUp(ended, stats)
      })
      sessions.add(session)
      return session
    },
    metrics() {
      const packets = { ...ended }
      for (const session of sessions) addUp(packets, session.stats)
      return { sessionsActive: sessions.size, sendErrors, ...clock.counters, ...packets }
    },
    close() {
      for (const session of sessions) session.close()
    },
  }
}

export type MediaEngine = ReturnType<typeof createMediaEngine>
