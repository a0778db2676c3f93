import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** A record as its type needs it: SRV `[priority, weight, port, target]`, NAPTR `[order, preference, flags, service, replacement]`. */
export type Records = Record<
  string,
  { SRV?: [number, number, number, string][]; NAPTR?: [number, number, string, string, string][] }
>

const TYPES = new Map([
  [33, 'SRV'],
  [35, 'NAPTR'],
] as const)

const uint16 = (...values: number[]): Buffer => Buffer.concat(values.map((value) => Buffer.of(value >> 8, value & 255)))
const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value)])
const name = (value: string): Buffer => Buffer.concat([...value.split('.').filter(Boolean).map(text), Buffer.of(0)])

/** A name server on loopback that knows these records and nothing else (RFC 1035, 2782, 3403). */
export async function startDnsServer(records: Records) {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, { address, port }) => {
    let end = 12
    const labels: string[] = []
    while (query[end] !== 0) {
      labels.push(query.toString('latin1', end + 1, end + 1 + query[end]!))
      end += query[end]! + 1
    }
    const host = labels.join('.').toLowerCase()
    const type = TYPES.get(query.readUInt16BE(end + 1) as 33)
    asked.push(`${type} ${host}`)
    const found = records[host]
    const data =
      type === 'SRV'
        ? (found?.SRV ?? []).map(([priority, weight, at, target]) => [uint16(priority, weight, at), name(target)])
        : type === 'NAPTR'
          ? (found?.NAPTR ?? []).map(([order, preference, flags, service, replacement]) => [
              ...[uint16(order, preference), text(flags), text(service), text(''), name(replacement)],
            ])
          : []
    const answers = data.map((parts) => {
      const rdata = Buffer.concat(parts)
      // A pointer to the name in the question; class IN, no time to live.
      return Buffer.concat([uint16(0xc00c), query.subarray(end + 1, end + 5), uint16(0, 0, rdata.length), rdata])
    })
    const status = found ? 0x8180 : 0x8183
    const head = Buffer.concat([query.subarray(0, 2), uint16(status, 1, answers.length, 0, 0)])
    socket.send(Buffer.concat([head, query.subarray(12, end + 5), ...answers]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { server: `127.0.0.1:${socket.address().port}`, asked, close: () => socket.close() }
}
