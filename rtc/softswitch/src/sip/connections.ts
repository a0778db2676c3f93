import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { type Flow, plainAddress, type TransportOptions } from './flow.ts'

/** What a transport of connections takes beside. */
export interface ConnectionOptions extends TransportOptions {
  onMalformed: () => void
  onFlowClosed: (flow: Flow) => void
}

/** Of one transport. */
export const MAX_CONNECTIONS = 2000
/** Who connects and sends no message within this time is a scanner. */
export const FIRST_MESSAGE_MS = 32_000

/** The connections that others have opened; `maxPerAddress`, so that one address cannot take them all. */
export function createAdmission(maxPerAddress: number) {
  const sockets = new Set<Socket>()
  const perAddress = new Map<string, number>()
  return {
    /** Counts a connection until it closes. False for one too many, and for one that has gone already. */
    admit(socket: Socket): boolean {
      const address = plainAddress(socket.remoteAddress ?? '')
      const count = (perAddress.get(address) ?? 0) + 1
      if (address === '' || sockets.size >= MAX_CONNECTIONS || count > maxPerAddress) return false
      sockets.add(socket)
      perAddress.set(address, count)
      socket.once('close', () => {
        sockets.delete(socket)
        const left = perAddress.get(address)! - 1
        if (left > 0) perAddress.set(address, left)
        else perAddress.delete(address)
      })
      return true
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Returns the port: 0 takes a free one. Throws when it is taken. */
export async function listen(server: Server, { bind, port, onSendError }: TransportOptions): Promise<number> {
  server.listen({ port, host: bind, ipv6Only: bind.includes(':') })
  await once(server, 'listening')
  server.on('error', onSendError)
  return (server.address() as AddressInfo).port
}
