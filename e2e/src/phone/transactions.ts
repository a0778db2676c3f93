import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  type Address,
  formatSip,
  headerList,
  needed,
  param,
  parseSip,
  responseTo,
  type SipRequest,
  type SipResponse,
} from './sip-message.ts'

// RFC 3261 17.1.1.1: T1 is the estimated round trip, T2 the longest wait between retransmissions.
const t1Ms = 500
const t2Ms = 4000
const giveUpMs = 64 * t1Ms

type Packet = { bytes: Buffer; to: Address }
type ClientTransaction = {
  settled: boolean
  ack?: Packet | undefined
  onResponse: (response: SipResponse) => void
  giveUp: () => void
}
type ServerTransaction = { response?: Packet | undefined; awaitingAck: boolean }

export type Transactions = Awaited<ReturnType<typeof openTransactions>>

/** A UDP socket that speaks SIP transactions (RFC 3261 section 17, simple form). */
export async function openTransactions(bind: Address, onRequest: (request: SipRequest) => void) {
  const socket = createSocket('udp4')
  socket.bind(bind.port, bind.host)
  await once(socket, 'listening')
  const { address: host, port } = socket.address()
  const clients = new Map<string, ClientTransaction>()
  const servers = new Map<string, ServerTransaction>()
  const sources = new WeakMap<SipRequest, Address>()
  const timers = new Set<NodeJS.Timeout>()
  let closed = false
  let malformed = 0

  const later = (ms: number, run: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, ms)
    timers.add(timer)
    return timer
  }
  const transmit = ({ bytes, to }: Packet) => {
    if (!closed) socket.send(bytes, to.port, to.host)
  }
  /** Sends until `done()`, at doubling intervals up to `longestMs`. */
  const retransmit = (packet: Packet, longestMs: number, done: () => boolean, onGiveUp: () => void) => {
    const startedAt = performance.now()
    const again = (waitMs: number): void => {
      later(waitMs, () => {
        if (done()) return
        if (performance.now() - startedAt >= giveUpMs) return onGiveUp()
        transmit(packet)
        again(Math.min(2 * waitMs, longestMs))
      })
    }
    transmit(packet)
    again(t1Ms)
  }

  const addVia = (message: SipRequest) => {
    const branch = `z9hG4bK${randomBytes(8).toString('hex')}`
    message.headers.unshift(['Via', `SIP/2.0/UDP ${host}:${port};branch=${branch};rport`])
  }

  /** Sends a request; resolves with its final response, 408 when none comes (8.1.3.1). */
  const request = (message: SipRequest, to: Address, onProvisional?: (response: SipResponse) => void) =>
    new Promise<SipResponse>((resolve) => {
      if (message.method !== 'CANCEL') addVia(message) // a CANCEL has that of its INVITE (9.1)
      const branch = branchOf(message)
      const invite = message.method === 'INVITE'
      let provisional = false
      const transaction: ClientTransaction = {
        giveUp: () => transaction.onResponse(responseTo(message, 408, 'none')),
        settled: false,
        onResponse(response) {
          if (response.status < 200) {
            provisional = true
            return onProvisional?.(response)
          }
          transaction.settled = true
          if (!closed) later(giveUpMs, () => clients.delete(`${branch} ${message.method}`))
          if (invite && response.status >= 300) {
            transaction.ack = { bytes: formatSip(ackForFailure(message, response)), to }
            transmit(transaction.ack)
          }
          resolve(response)
        },
      }
      clients.set(`${branch} ${message.method}`, transaction)
      // A provisional response stops an INVITE's retransmissions (17.1.1.2), not those of other requests.
      retransmit(
        { bytes: formatSip(message), to },
        invite ? giveUpMs : t2Ms,
        () => transaction.settled || (invite && provisional),
        transaction.giveUp,
      )
    })

  /** Sends the ACK of a 2xx, and again whenever that 2xx comes again (13.2.2.4). */
  const acknowledge = (invite: SipRequest, ack: SipRequest, to: Address) => {
    addVia(ack)
    const packet = { bytes: formatSip(ack), to }
    const transaction = clients.get(`${branchOf(invite)} INVITE`)
    if (transaction) transaction.ack = packet
    transmit(packet)
  }

  /** Answers a request. A final response to an INVITE goes out until its ACK comes; `onNoAck` when it never does. */
  const respond = (to: SipRequest, response: SipResponse, onNoAck?: () => void) => {
    const key = `${branchOf(to)} ${to.method}`
    const server = servers.get(key)
    const packet = { bytes: formatSip(response), to: replyAddress(to, sources.get(to)!) }
    if (server) server.response = packet
    if (!server || response.status < 200) return transmit(packet)
    later(giveUpMs, () => servers.delete(key))
    if (to.method !== 'INVITE') return transmit(packet)
    server.awaitingAck = true
    retransmit(
      packet,
      t2Ms,
      () => !server.awaitingAck,
      () => onNoAck?.(),
    )
  }

  /** The ACK of this INVITE's final response has come. */
  const acknowledged = (invite: SipRequest) => {
    const server = servers.get(`${branchOf(invite)} INVITE`)
    if (server) server.awaitingAck = false
  }

  socket.on('message', (datagram, from) => {
    const message = parseSip(datagram)
    if (!message) {
      if (datagram.toString().trim() !== '') malformed++
      return
    }
    if (message.kind === 'response') {
      const transaction = clients.get(`${branchOf(message)} ${needed(message, 'cseq').split(' ')[1]}`)
      if (!transaction) return
      if (!transaction.settled) return transaction.onResponse(message)
      if (message.status >= 200 && transaction.ack) transmit(transaction.ack)
      return
    }
    sources.set(message, { host: from.address, port: from.port })
    if (message.method === 'ACK') {
      const failed = servers.get(`${branchOf(message)} INVITE`) // the same branch: the ACK of a failure (17.1.1.3)
      if (failed) failed.awaitingAck = false
      else onRequest(message)
      return
    }
    const key = `${branchOf(message)} ${message.method}`
    const known = servers.get(key)
    if (known) {
      if (known.response) transmit(known.response)
      return
    }
    servers.set(key, { awaitingAck: false })
    onRequest(message)
  })

  const close = async () => {
    closed = true
    for (const timer of timers) clearTimeout(timer)
    for (const { settled, giveUp } of clients.values()) if (!settled) giveUp()
    socket.close()
    await once(socket, 'close')
  }

  return { host, port, request, acknowledge, respond, acknowledged, close, malformedCount: () => malformed }
}

export const branchOf = (message: SipRequest | SipResponse) =>
  param(headerList(message, 'via')[0] ?? '', 'branch') ?? ''

/** 17.1.1.3: Via, Call-ID, From and CSeq number of the request, To of the response. */
function ackForFailure(invite: SipRequest, response: SipResponse): SipRequest {
  const same = invite.headers.filter(([name]) => ['From', 'Call-ID', 'Route', 'Max-Forwards'].includes(name))
  return {
    kind: 'request',
    method: 'ACK',
    uri: invite.uri,
    headers: [
      ['Via', headerList(invite, 'via')[0]!],
      ...same,
      ['To', needed(response, 'to')],
      ['CSeq', `${needed(invite, 'cseq').split(' ')[0]} ACK`],
    ],
    body: '',
  }
}

/** 18.2.2 and RFC 3581: back to where the request came from, to the port it came from when it asked for that. */
function replyAddress(request: SipRequest, source: Address): Address {
  const via = headerList(request, 'via')[0]!
  if (param(via, 'rport') !== undefined) return source
  return { host: source.host, port: Number(/^\S+\s+[^;:\s]+:(\d+)/.exec(via)?.[1] ?? 5060) }
}
