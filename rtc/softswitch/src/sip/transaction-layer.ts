import { randomBytes } from 'node:crypto'
import { type ClientHandlers, createClientTransaction, type DrivenClientTransaction } from './client-transaction.ts'
import type { Flow } from './flow.ts'
import { type Headers, header, type SipMessage, type SipRequest, type SipResponse } from './message.ts'
import { serializeMessage } from './serialize-message.ts'
import { createServerTransaction, type DrivenServerTransaction, type ServerTransaction } from './server-transaction.ts'
import type { SipTimers } from './timers.ts'
import { BRANCH_COOKIE, formatVia } from './via.ts'

/** A request without Via; the layer writes that. */
export interface OutgoingRequest {
  method: string
  uri: string
  headers: Headers
  body?: Buffer | undefined
}

export interface ClientTransaction {
  /** Cancels an INVITE (RFC 3261 §9.1): at once when a provisional response came, else as soon as one does. */
  cancel(reason?: string): void
}

export interface TransactionLayer {
  receive(message: SipMessage, flow: Flow): void
  request(request: OutgoingRequest, flow: Flow, handlers: ClientHandlers): ClientTransaction
  /** Sends a request that has no transaction: the ACK of a 2xx. */
  sendAck(request: OutgoingRequest, flow: Flow): void
  /** A connection went: requests that wait on it fail now, not after Timer B. */
  flowClosed(flow: Flow): void
  readonly active: number
  close(): void
}

const newBranch = () => BRANCH_COOKIE + randomBytes(9).toString('base64url').replaceAll(/[-_]/g, '0')

function serverKey(request: SipRequest): string {
  const { via, callId, cseq, from } = request
  const method = request.method === 'ACK' || request.method === 'CANCEL' ? 'INVITE' : request.method
  const branch = via.params.get('branch') ?? ''
  // §17.2.3; a peer of RFC 2543 has no unique branch, and the cookie alone is none.
  const id =
    branch.startsWith(BRANCH_COOKIE) && branch !== BRANCH_COOKIE
      ? branch
      : `${callId} ${cseq.number} ${from.params.get('tag') ?? ''}`
  return `${id} ${via.host}:${via.port ?? ''} ${method}`
}

export function createTransactionLayer(options: {
  timers: SipTimers
  /** How this peer reaches us, for Via. */
  localAddress(flow: Flow): { host: string; port: number }
  /** A new request; ACK and CANCEL that belong to a transaction never come here. */
  onRequest(transaction: ServerTransaction): void
  /** An ACK; when a dialog knows it, it acknowledges a 2xx. */
  onAck(request: SipRequest): void
}): TransactionLayer {
  const { timers } = options
  const servers = new Map<string, DrivenServerTransaction>()
  const clients = new Map<string, DrivenClientTransaction>()

  function serve(key: string, request: SipRequest, flow: Flow): DrivenServerTransaction {
    const transaction = createServerTransaction({ request, flow, timers, onTerminated: () => servers.delete(key) })
    servers.set(key, transaction)
    return transaction
  }

  function receiveRequest(request: SipRequest, flow: Flow) {
    const key = serverKey(request)
    const known = servers.get(key)
    if (request.method === 'CANCEL') {
      // §9.2: answered by itself, and ends the INVITE when that has no final response yet.
      const cancelKey = `${key} CANCEL`
      const repeated = servers.get(cancelKey)
      if (repeated) repeated.receive(request)
      else {
        serve(cancelKey, request, flow).respond(known ? 200 : 481, { toTag: 'cancel' })
        if (known && !known.answered) known.onCancel?.(request)
      }
      return
    }
    if (request.method === 'ACK') {
      known?.receive(request)
      // Some peers reuse the branch of their INVITE for the ACK of a 2xx, so the dialog is asked in any case.
      options.onAck(request)
    } else if (known) known.receive(request)
    else options.onRequest(serve(key, request, flow))
  }

  function receiveResponse(response: SipResponse) {
    const { params } = response.via
    clients.get(`${params.get('branch') ?? ''} ${response.cseq.method}`)?.receive(response)
  }

  const viaFor = (flow: Flow, branch: string): Headers[number] => {
    const params = new Map([
      ['rport', ''], // RFC 3581 §3
      ['branch', branch],
    ])
    return ['via', formatVia({ transport: flow.protocol, ...options.localAddress(flow), params })]
  }

  return {
    receive(message, flow) {
      if (message.kind === 'response') receiveResponse(message)
      else receiveRequest(markSource(message, flow), flow)
    },
    request({ method, uri, headers, body = Buffer.alloc(0) }, flow, handlers) {
      const branch = newBranch()
      const via = viaFor(flow, branch)
      const key = `${branch} ${method}`
      const kind = 'request' as const

      // §17.1.1.3 and §9.1: same Via, Request-URI, Route, From, Call-ID and CSeq number.
      const sibling = (name: 'ACK' | 'CANCEL', to: string | undefined, extra: Headers = []) =>
        serializeMessage({
          kind,
          method: name,
          uri,
          headers: [
            via,
            ...headers.filter(([field]) => ['route', 'from', 'call-id', 'max-forwards'].includes(field)),
            ['to', to ?? ''],
            ['cseq', `${Number.parseInt(header({ headers }, 'cseq') ?? '1', 10)} ${name}`],
            ...extra,
          ],
          body: Buffer.alloc(0),
        })

      let cancelWanted: (() => void) | undefined
      const transaction = createClientTransaction({
        method,
        data: serializeMessage({ kind, method, uri, headers: [via, ...headers], body }),
        flow,
        timers,
        ackFor: (response) => sibling('ACK', header(response, 'to')),
        handlers: {
          onResponse(response) {
            handlers.onResponse(response)
            if (response.status < 200) cancelWanted?.()
          },
          onFailure: handlers.onFailure,
        },
        onTerminated: () => clients.delete(key),
      })
      clients.set(key, transaction)

      return {
        cancel(reason) {
          if (transaction.finished || cancelWanted) return
          cancelWanted = () => {
            cancelWanted = () => {}
            transaction.cancelled()
            const cancelKey = `${branch} CANCEL`
            const data = sibling('CANCEL', header({ headers }, 'to'), reason ? [['reason', reason]] : [])
            const ignored = { onResponse() {}, onFailure() {} }
            const onTerminated = () => clients.delete(cancelKey)
            const ackFor = () => data
            clients.set(
              cancelKey,
              createClientTransaction({
                method: 'CANCEL',
                data,
                flow,
                timers,
                ackFor,
                handlers: ignored,
                onTerminated,
              }),
            )
          }
          if (transaction.gotProvisional) cancelWanted()
        },
      }
    },
    sendAck({ method, uri, headers, body = Buffer.alloc(0) }, flow) {
      flow.send(
        serializeMessage({ kind: 'request', method, uri, headers: [viaFor(flow, newBranch()), ...headers], body }),
      )
    },
    flowClosed(flow) {
      for (const transaction of [...clients.values()]) if (transaction.flow === flow) transaction.transportFailed()
    },
    get active() {
      return servers.size + clients.size
    },
    close() {
      for (const transaction of [...servers.values(), ...clients.values()]) transaction.dispose()
    },
  }
}

/** Writes where the request really came from into its top Via (RFC 3261 §18.2.1, RFC 3581 §4). */
function markSource(request: SipRequest, flow: Flow): SipRequest {
  const { via } = request
  const wantsPort = via.params.has('rport')
  if (via.host !== flow.remoteAddress || wantsPort) via.params.set('received', flow.remoteAddress)
  if (wantsPort) via.params.set('rport', String(flow.remotePort))
  const line = request.headers.findIndex(([name]) => name === 'via')
  const comma = request.headers[line]![1].indexOf(',')
  const others = comma < 0 ? '' : request.headers[line]![1].slice(comma)
  request.headers[line] = ['via', `${formatVia(via)}${others}`]
  return request
}
