import { isIP } from 'node:net'
import { createLocator } from '@sidetone/sip-locate'
import type { OnMessage } from './capture.ts'
import type { ClientHandlers } from './client-transaction.ts'
import { type Dialog, dialogKey, nextHop } from './dialog.ts'
import { type Flow, type FlowTarget, isReliable } from './flow.ts'
import { headerList, type SipRequest } from './message.ts'
import { parseMessage } from './parse-message.ts'
import { formatRefusal } from './refuse-malformed.ts'
import type { LocalMedia } from './sdp.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { ALLOW, SUPPORTED } from './sip-leg.ts'
import type { SipTimers } from './timers.ts'
import { type ClientTransaction, createTransactionLayer, type OutgoingRequest } from './transaction-layer.ts'
import { openTransports, type Transports } from './transports.ts'
import { bareHost, parseUri, protocolOf, type SipUri } from './uri.ts'

interface DialogHandler {
  receive(transaction: ServerTransaction): void
  acknowledged(request: SipRequest): void
}

/** The SIP side of the switch: its ports, its transactions and its dialogs. */
export interface UserAgent {
  /** Of UDP and TCP. */
  readonly port: number
  /** Of TLS; `undefined` when that is off. */
  readonly tlsPort: number | undefined
  /** Of WebSocket; `undefined` when that is off. */
  readonly wsPort: number | undefined
  readonly transactionsActive: number
  readonly t1Ms: number
  /** The Contact we give a peer, with an address it can reach; for a sips URI one of its kind (RFC 3261 §12.1.1, §8.1.1.8). */
  contact(flow: Flow, secure?: boolean): string
  localMedia(flow: Pick<Flow, 'remoteAddress'>, port: number): LocalMedia
  /** What a request requires that we lack (RFC 3261 §8.2.2.3). */
  unsupported(request: SipRequest): string[]
  addressFor(remoteAddress: string): string
  rememberDialog(dialog: Dialog, handler: DialogHandler): void
  forgetDialog(dialog: Dialog): void
  requestInDialog(dialog: Dialog, request: OutgoingRequest, handlers: ClientHandlers): void
  ackInDialog(dialog: Dialog, request: OutgoingRequest): void
  /** The ways to a URI, best first (RFC 3263); none when its host has no address. */
  locate(uri: SipUri): Promise<FlowTarget[]>
  flowTo(target: FlowTarget): Flow
  request(request: OutgoingRequest, flow: Flow, handlers: ClientHandlers): ClientTransaction
  close(): Promise<void>
}

export type SipCounter =
  | 'sip_packets_received'
  | 'sip_packets_malformed'
  | 'sip_packets_limited'
  | 'sip_connections_refused'
  | 'sip_send_errors'

const KNOWN = new Set(SUPPORTED.split(', '))

const unsupported = (request: SipRequest): string[] =>
  headerList(request, 'require').filter((extension) => !KNOWN.has(extension.toLowerCase()))

const KEEP_ALIVE_BYTES = 4

export async function createUserAgent(options: {
  bind: string
  port: number
  tls: Parameters<typeof openTransports>[0]['tls']
  ws: Parameters<typeof openTransports>[0]['ws']
  /** Asked for SRV and NAPTR records; absent: those of the system. */
  nameServers?: string[] | undefined
  timers: SipTimers
  addressFor(remoteAddress: string): string
  /** False drops a packet of this source before it is parsed. */
  admit(source: string): boolean
  /** False drops a request that was parsed. */
  admitRequest(request: SipRequest, source: string): boolean
  onInvite(transaction: ServerTransaction): void
  onRegister(transaction: ServerTransaction): void
  onConnectionLost(flow: Flow): void
  onMessage?: OnMessage | undefined
  onError(error: unknown): void
  onSendError(error: Error): void
  count(name: SipCounter): void
}): Promise<UserAgent> {
  const { count, addressFor } = options
  const dialogs = new Map<string, DialogHandler>()
  let sessionIds = Math.floor(Date.now() / 1000)

  function onRequest(transaction: ServerTransaction) {
    const { request } = transaction
    const toTag = request.to.params.get('tag')
    if (toTag !== undefined) {
      const dialog = dialogs.get(dialogKey(request.callId, toTag, request.from.params.get('tag') ?? ''))
      if (dialog) dialog.receive(transaction)
      else transaction.respond(481)
      return
    }
    // §8.2.2.1: of other schemes we know nothing, and sips comes over TLS alone.
    const uri = parseUri(request.uri)
    if (!uri && /^(?:sips?|tel):/i.test(request.uri)) return transaction.respond(400, { toTag: 'switch' })
    if (!uri || (uri.scheme === 'sips' && transaction.flow.protocol !== 'TLS'))
      return transaction.respond(416, { toTag: 'switch' })
    const required = unsupported(request)
    if (required.length > 0) {
      return transaction.respond(420, { toTag: 'switch', headers: required.map((value) => ['unsupported', value]) })
    }
    switch (request.method) {
      case 'INVITE':
        return options.onInvite(transaction)
      case 'REGISTER':
        return options.onRegister(transaction)
      case 'OPTIONS':
        return transaction.respond(200, {
          toTag: 'switch',
          headers: [
            ['allow', ALLOW],
            ['accept', 'application/sdp'],
            ['supported', SUPPORTED],
          ],
        })
      case 'BYE':
      case 'INFO':
      case 'NOTIFY':
      case 'PRACK':
      case 'REFER':
      case 'UPDATE':
        return transaction.respond(481, { toTag: 'switch' })
      default:
        return transaction.respond(405, { toTag: 'switch', headers: [['allow', ALLOW]] })
    }
  }

  const layer = createTransactionLayer({
    timers: options.timers,
    localAddress: (flow) => ({ host: bracketed(addressFor(flow.remoteAddress)), port: portFor(flow) }),
    onRequest,
    onAck(request) {
      const key = dialogKey(request.callId, request.to.params.get('tag') ?? '', request.from.params.get('tag') ?? '')
      dialogs.get(key)?.acknowledged(request)
    },
  })

  const transports: Transports = await openTransports({
    bind: options.bind,
    port: options.port,
    tls: options.tls,
    ws: options.ws,
    onPacket(data, flow) {
      count('sip_packets_received')
      if (!options.admit(flow.remoteAddress)) return count('sip_packets_limited')
      if (data.length <= KEEP_ALIVE_BYTES) return // RFC 5626 §3.5: CRLF or a few NULs keep NAT open
      options.onMessage?.('received', data, flow)
      const result = parseMessage(data)
      if (!result.ok) {
        if (result.refusal) flow.send(formatRefusal(result.refusal, flow))
        return count('sip_packets_malformed')
      }
      const { message } = result
      if (message.kind === 'request' && !options.admitRequest(message, flow.remoteAddress)) return
      try {
        layer.receive(result.message, flow)
      } catch (error) {
        options.onError(error) // a fault with one message must not end the calls of all others
      }
    },
    onSent: (data, flow) => options.onMessage?.('sent', data, flow),
    onSendError(error) {
      count('sip_send_errors')
      options.onSendError(error)
    },
    onMalformed: () => count('sip_packets_malformed'),
    onRefused: () => count('sip_connections_refused'),
    onFlowClosed(flow) {
      layer.flowClosed(flow)
      options.onConnectionLost(flow)
    },
  })

  const { flowTo } = transports
  const portFor = ({ protocol }: Flow) => transports.portOf(protocol)!

  const findPlaces = createLocator({ family: options.bind.includes(':') ? 0 : 4, servers: options.nameServers })
  async function locate(uri: SipUri): Promise<FlowTarget[]> {
    const protocol = protocolOf(uri)
    // RFC 7118 §5: the Contact of a browser names no place; its connection was the only way.
    if (protocol === 'WS') return []
    const serverName = bareHost(uri.host)
    const places = await findPlaces({
      host: bareHost(uri.params.get('maddr') ?? uri.host),
      port: uri.port,
      protocol,
      secure: uri.scheme === 'sips',
    })
    return places
      .filter(({ protocol }) => transports.portOf(protocol) !== undefined)
      .map(({ protocol, address, port }) => ({
        ...{ protocol, remoteAddress: address, remotePort: port },
        ...(protocol === 'TLS' && { serverName }),
      }))
  }

  /** §12.2.1.1, but a peer behind NAT (its Contact is not where its packets come from) is reached where it was heard. */
  function withDialogFlow(dialog: Dialog, use: (flow: Flow) => void, onFailure: () => void) {
    const hop = nextHop(dialog)
    const host = bareHost(hop.host)
    const direct = dialog.routeSet.length === 0
    if (direct && dialog.flow.open && (isReliable(dialog.flow) || (isIP(host) && host !== dialog.flow.remoteAddress))) {
      return use(dialog.flow)
    }
    const protocol = protocolOf(hop) ?? 'UDP'
    if (isIP(host) && (protocol === 'UDP' || protocol === 'TCP'))
      return use(flowTo({ protocol, remoteAddress: host, remotePort: hop.port ?? 5060 }))
    locate(hop).then(([way]) => (way ? use(flowTo(way)) : onFailure()), onFailure)
  }

  return {
    port: transports.portOf('UDP')!,
    tlsPort: transports.portOf('TLS'),
    wsPort: transports.portOf('WS'),
    t1Ms: options.timers.t1Ms,
    get transactionsActive() {
      return layer.active
    },
    contact(flow, secure = false) {
      const { protocol, remoteAddress } = flow
      const transport = secure || protocol === 'UDP' ? '' : `;transport=${protocol.toLowerCase()}`
      return `<${secure ? 'sips' : 'sip'}:${bracketed(addressFor(remoteAddress))}:${portFor(flow)}${transport}>`
    },
    localMedia: (flow, port) => ({
      address: addressFor(flow.remoteAddress),
      port,
      sessionId: ++sessionIds,
      version: 1,
    }),
    addressFor,
    unsupported,
    rememberDialog: (dialog, handler) =>
      void dialogs.set(dialogKey(dialog.callId, dialog.localTag, dialog.remoteTag), handler),
    forgetDialog: (dialog) => void dialogs.delete(dialogKey(dialog.callId, dialog.localTag, dialog.remoteTag)),
    requestInDialog: (dialog, request, handlers) =>
      withDialogFlow(
        dialog,
        (flow) => layer.request(request, flow, handlers),
        () => handlers.onFailure(503),
      ),
    ackInDialog: (dialog, request) =>
      withDialogFlow(
        dialog,
        (flow) => layer.sendAck(request, flow),
        () => count('sip_send_errors'),
      ),
    locate,
    flowTo,
    request: layer.request,
    async close() {
      layer.close()
      await transports.close()
    },
  }
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)
