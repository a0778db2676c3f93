import { afterEach, describe, expect, test } from 'vitest'
import type { ClientHandlers } from '../../src/sip/client-transaction.ts'
import type { Flow } from '../../src/sip/flow.ts'
import type { Headers, SipRequest, SipResponse } from '../../src/sip/message.ts'
import { parseMessage } from '../../src/sip/parse-message.ts'
import type { ServerTransaction } from '../../src/sip/server-transaction.ts'
import { createTransactionLayer, type TransactionLayer } from '../../src/sip/transaction-layer.ts'
import { openTransports, type Transports } from '../../src/sip/transports.ts'

// RFC 3261's timers at a fiftieth of their length.
const timers = { t1Ms: 10, t2Ms: 80, t4Ms: 100 }
const giveUpMs = 64 * timers.t1Ms

interface Side {
  layer: TransactionLayer
  transports: Transports
  /** First lines of what went out, those dropped included. */
  sent: string[]
  requests: ServerTransaction[]
  acks: SipRequest[]
}

const open: Side[] = []
afterEach(async () => {
  for (const { layer, transports } of open.splice(0)) {
    layer.close()
    await transports.close()
  }
})

/** One end on a real socket; `lose` decides about each packet it sends. */
async function openSide(
  lose: (line: string, count: number) => boolean,
  onRequest?: (transaction: ServerTransaction) => void,
) {
  const lossy = new WeakMap<Flow, Flow>()
  const counts = new Map<string, number>()
  const lossyFlow = (flow: Flow): Flow => {
    const known = lossy.get(flow)
    if (known) return known
    const { protocol, remoteAddress, remotePort } = flow
    const wrapped: Flow = {
      protocol,
      remoteAddress,
      remotePort,
      get open() {
        return flow.open
      },
      send(data) {
        const line = data.toString('utf8', 0, data.indexOf('\r\n'))
        const count = (counts.get(line) ?? 0) + 1
        counts.set(line, count)
        side.sent.push(line)
        if (!lose(line, count)) flow.send(data)
      },
    }
    lossy.set(flow, wrapped)
    return wrapped
  }
  const layer = createTransactionLayer({
    timers,
    localAddress: () => ({ host: '127.0.0.1', port: transports.portOf('UDP')! }),
    onRequest(transaction) {
      side.requests.push(transaction)
      onRequest?.(transaction)
    },
    onAck: (request) => side.acks.push(request),
  })
  const transports = await openTransports({
    bind: '127.0.0.1',
    port: 0,
    onPacket(data, flow) {
      const result = parseMessage(data)
      if (result.ok) layer.receive(result.message, lossyFlow(flow))
    },
    onSendError() {},
    onMalformed() {},
    onRefused() {},
    onFlowClosed: (flow) => layer.flowClosed(lossyFlow(flow)),
  })
  const side: Side = { layer, transports, sent: [], requests: [], acks: [] }
  open.push(side)
  return {
    ...side,
    flowTo: (port: number, protocol: 'UDP' | 'TCP' = 'UDP') =>
      lossyFlow(transports.flowTo({ protocol, remoteAddress: '127.0.0.1', remotePort: port })),
  }
}

const never = () => false
let calls = 0

const outgoing = (method: string) => {
  const headers: Headers = [
    ['from', '<sip:a@127.0.0.1>;tag=a'],
    ['to', '<sip:b@127.0.0.1>'],
    ['call-id', `call-${++calls}`],
    ['cseq', `1 ${method}`],
    ['max-forwards', '70'],
  ]
  return { method, uri: 'sip:b@127.0.0.1', headers }
}

/** Sends and collects what comes back, up to the final response. */
function ask(side: { layer: TransactionLayer }, flow: Flow, method: string) {
  const responses: SipResponse[] = []
  const { promise, resolve } = Promise.withResolvers<number>()
  const handlers: ClientHandlers = {
    onResponse(response) {
      responses.push(response)
      if (response.status >= 200) resolve(response.status)
    },
    onFailure: resolve,
  }
  const request = outgoing(method)
  const transaction = side.layer.request(request, flow, handlers)
  return { final: promise, responses, transaction, request }
}

const countOf = (sent: string[], start: string) => sent.filter((line) => line.startsWith(start)).length

describe('over a network that loses packets', () => {
  test('an INVITE is repeated until a response comes, and its 200 until the ACK', async () => {
    const callee = await openSide(
      (line, count) => line.startsWith('SIP/2.0 200') && count <= 2,
      (transaction) => transaction.respond(200, { toTag: 'b' }),
    )
    const caller = await openSide((line, count) => line.startsWith('INVITE') && count <= 2)
    const { final } = ask(caller, caller.flowTo(callee.transports.portOf('UDP')!), 'INVITE')
    expect(await final).toBe(200)
    expect(countOf(caller.sent, 'INVITE')).toBeGreaterThanOrEqual(3)
    expect(callee.requests).toHaveLength(1)
    callee.requests[0]!.acknowledged()
    const repeated = countOf(callee.sent, 'SIP/2.0 200')
    expect(repeated).toBeGreaterThanOrEqual(3)
    await new Promise((resolve) => setTimeout(resolve, 5 * timers.t2Ms))
    expect(countOf(callee.sent, 'SIP/2.0 200')).toBe(repeated)
  })

  test('a refusal is repeated until its ACK, which is sent again for each', async () => {
    const callee = await openSide(
      (line, count) => line.startsWith('SIP/2.0 486') && count <= 1,
      (transaction) => transaction.respond(486, { toTag: 'b' }),
    )
    const caller = await openSide((line, count) => line.startsWith('ACK') && count <= 2)
    const { final, responses } = ask(caller, caller.flowTo(callee.transports.portOf('UDP')!), 'INVITE')
    expect(await final).toBe(486)
    await expect.poll(() => countOf(caller.sent, 'ACK'), { timeout: 2000 }).toBeGreaterThanOrEqual(3)
    await new Promise((resolve) => setTimeout(resolve, 2 * timers.t2Ms))
    const settled = callee.sent.length
    await new Promise((resolve) => setTimeout(resolve, 2 * timers.t2Ms))
    expect(callee.sent).toHaveLength(settled)
    expect(responses).toHaveLength(1)
  })

  test('every request gets one answer and is seen once, when a third of all packets are lost', async () => {
    let random = 7
    const third = () => {
      random = (random * 16_807) % 2_147_483_647
      return random % 3 === 0
    }
    const server = await openSide(third, (transaction) => transaction.respond(200, { toTag: 'b' }))
    const client = await openSide(third)
    const asked = Array.from({ length: 40 }, () =>
      ask(client, client.flowTo(server.transports.portOf('UDP')!), 'OPTIONS'),
    )
    const finals = await Promise.all(asked.map(({ final }) => final))
    expect(finals).toEqual(finals.map(() => 200))
    expect(server.requests).toHaveLength(40)
    for (const { responses } of asked) expect(responses).toHaveLength(1)
  })

  test('nobody there is a 408 after 64 times T1', async () => {
    const client = await openSide(() => true)
    const started = Date.now()
    const finals = [ask(client, client.flowTo(9), 'INVITE').final, ask(client, client.flowTo(9), 'OPTIONS').final]
    expect(await Promise.all(finals)).toEqual([408, 408])
    expect(Date.now() - started).toBeGreaterThanOrEqual(giveUpMs - 50)
  })

  test('a 2xx that is never acknowledged is told to who answered', async () => {
    const told = Promise.withResolvers<void>()
    const callee = await openSide(never, (transaction) => {
      transaction.onAckTimeout = told.resolve
      transaction.respond(200, { toTag: 'b' })
    })
    const caller = await openSide(never)
    ask(caller, caller.flowTo(callee.transports.portOf('UDP')!), 'INVITE')
    await told.promise
    expect(countOf(callee.sent, 'SIP/2.0 200')).toBeGreaterThan(5)
  })

  test('nothing stays behind', async () => {
    const server = await openSide(never, (transaction) =>
      transaction.respond(transaction.request.method === 'INVITE' ? 404 : 200),
    )
    const client = await openSide(never)
    for (const method of ['INVITE', 'OPTIONS', 'BYE'])
      await ask(client, client.flowTo(server.transports.portOf('UDP')!), method).final
    expect(server.layer.active).toBeGreaterThan(0)
    await expect.poll(() => server.layer.active + client.layer.active, { timeout: 3000 }).toBe(0)
  })
})

describe('CANCEL', () => {
  test('waits for a provisional response, and the INVITE ends with what the callee says', async () => {
    const invited = Promise.withResolvers<ServerTransaction>()
    const callee = await openSide(never, (transaction) => {
      transaction.onCancel = () => transaction.respond(487, { toTag: 'b' })
      invited.resolve(transaction)
    })
    const caller = await openSide(never)
    const { final, transaction } = ask(caller, caller.flowTo(callee.transports.portOf('UDP')!), 'INVITE')
    transaction.cancel()
    const arrived = await invited.promise
    expect(countOf(caller.sent, 'CANCEL')).toBe(0)
    arrived.respond(180, { toTag: 'b' })
    expect(await final).toBe(487)
    expect(countOf(caller.sent, 'CANCEL')).toBe(1)
    expect(countOf(callee.sent, 'SIP/2.0 200')).toBe(1)
  })

  test('of an unknown INVITE is a 481', async () => {
    const server = await openSide(never)
    const client = await openSide(never)
    expect(await ask(client, client.flowTo(server.transports.portOf('UDP')!), 'CANCEL').final).toBe(481)
  })

  test('after the answer changes nothing', async () => {
    const callee = await openSide(never, (transaction) => {
      transaction.onCancel = () => expect.unreachable()
      transaction.respond(180, { toTag: 'b' })
      transaction.respond(200, { toTag: 'b' })
      transaction.acknowledged()
    })
    const caller = await openSide(never)
    const { final, transaction } = ask(caller, caller.flowTo(callee.transports.portOf('UDP')!), 'INVITE')
    expect(await final).toBe(200)
    transaction.cancel()
    expect(countOf(caller.sent, 'CANCEL')).toBe(0)
  })
})

describe('over TCP', () => {
  test('nothing is repeated', async () => {
    const server = await openSide(never)
    const client = await openSide(never)
    const { final } = ask(client, client.flowTo(server.transports.portOf('UDP')!, 'TCP'), 'OPTIONS')
    await expect.poll(() => server.requests.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 10 * timers.t1Ms))
    expect(countOf(client.sent, 'OPTIONS')).toBe(1)
    server.requests[0]!.respond(200, { toTag: 'b' })
    expect(await final).toBe(200)
  })

  test('a connection refused fails the request at once', async () => {
    const client = await openSide(never)
    expect(await ask(client, client.flowTo(1, 'TCP'), 'INVITE').final).toBe(503)
  })
})
