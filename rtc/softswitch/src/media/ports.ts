import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

export interface PortRange {
  bindAddress: string
  /** Both 0: any port the system gives. */
  portMin: number
  portMax: number
}

// Targets are addresses; without this, Node asks its resolver for each packet.
type Lookup = (host: string, family: unknown, callback: (error: null, address: string, family: number) => void) => void

function bind(port: number, address: string): Promise<Socket> {
  const family = isIPv6(address) ? 6 : 4
  const lookup: Lookup = (host, _, callback) => callback(null, host, family)
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: lookup as never })
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ port, address, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

/** Hands out bound sockets on even ports, one after the other: a port just freed, to which late packets still come, is used last. */
export function createPorts({ bindAddress, portMin, portMax }: PortRange) {
  const isEphemeral = portMin === 0 && portMax === 0
  const first = portMin + (portMin % 2)
  const count = Math.floor((portMax - first) / 2) + 1
  if (!isEphemeral && !(portMin > 0 && portMax <= 65_535 && count > 0))
    throw new RangeError(`RTP_PORT_MIN=${portMin} to RTP_PORT_MAX=${portMax} holds no even port from 1 to 65535`)
  let next = isEphemeral ? 0 : Math.floor(Math.random() * count)

  async function ephemeral(): Promise<Socket> {
    const odd: Socket[] = [] // kept open meanwhile, so that the system does not give them again
    try {
      for (;;) {
        const socket = await bind(0, bindAddress)
        if (socket.address().port % 2 === 0) return socket
        odd.push(socket)
      }
    } finally {
      for (const socket of odd) socket.close()
    }
  }

  async function fromRange(): Promise<Socket> {
    for (let tried = 0; tried < count; tried++) {
      const port = first + 2 * next
      next = (next + 1) % count
      try {
        return await bind(port, bindAddress)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
    }
    throw new Error(
      `all ${count} RTP ports from RTP_PORT_MIN=${portMin} to RTP_PORT_MAX=${portMax} are in use; widen the range`,
    )
  }

  return {
    open: isEphemeral ? ephemeral : fromRange,
    /** The odd port that belongs to an even one. */
    openNext: (port: number) => bind(port + 1, bindAddress),
  }
}
