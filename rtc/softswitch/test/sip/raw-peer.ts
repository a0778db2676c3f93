import { randomUUID } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { digestResponse, ha1, parseCredentials } from '../../src/sip/digest.ts'
import { header, headerList, type SipMessage, type SipRequest, type SipResponse } from '../../src/sip/message.ts'
import { parseMessage } from '../../src/sip/parse-message.ts'
import { createStreamFramer } from '../../src/sip/stream-framing.ts'

export type RawPeer = ReturnType<typeof rawPeerOn>
export type WebSocketPeer = Awaited<ReturnType<typeof openWebSocketPeer>>

interface RawRequest {
  uri?: string
  from?: string
  to?: string
  callId?: string
  cseq?: number
  branch?: string
  fromTag?: string
  headers?: string[]
  body?: string
}

export const offer = (...lines: string[]) =>
  ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...lines, ''].join('\r\n')

/** A peer that writes its messages by hand, to send what no decent phone would. */
export async function openRawPeer(serverPort: number, host = '127.0.0.1', localPort = 0) {
  const socket = createSocket('udp4')
  socket.bind(localPort, host)
  await once(socket, 'listening')
  const { port } = socket.address()
  return rawPeerOn({
    ...{ transport: 'UDP', host, port, serverPort },
    onData: (receive) => socket.on('message', receive),
    send: (data, toPort = serverPort, toHost = '127.0.0.1') => socket.send(data, toPort, toHost),
    close: () => socket.close(),
  })
}

/** The same on a connection; `port` is what it calls its own. */
export function openStreamPeer(socket: Socket, serverPort: number, transport: 'TCP' | 'TLS', port = socket.localPort!) {
  const framer = createStreamFramer(() => {})
  socket.on('error', () => {})
  return rawPeerOn({
    ...{ transport, host: '127.0.0.1', port, serverPort },
    onData: (receive) => socket.on('data', (chunk) => framer.push(chunk)?.forEach(receive)),
    send: (data) => socket.write(data),
    close: () => socket.destroy(),
  })
}

/** A peer that connects as a browser does; its address is none (RFC 7118 §5). */
export async function openWebSocketPeer(wsPort: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${wsPort}`, 'sip')
  await once(socket, 'open')
  const peer = rawPeerOn({
    ...{ transport: 'WS', host: `${randomUUID().slice(0, 8)}.invalid`, port: 0, serverPort: wsPort },
    onData: (receive) => socket.on('message', receive),
    send: (data) => socket.send(data),
    close: () => socket.close(),
  })
  return { ...peer, socket }
}

function rawPeerOn(wire: {
  transport: string
  host: string
  port: number
  serverPort: number
  onData(receive: (data: Buffer) => void): void
  send(data: string | Buffer, port?: number, host?: string): void
  close(): void
}) {
  const { transport, host, port, serverPort, send: sendText } = wire
  const sentBy = port === 0 ? host : `${host}:${port}`
  const contact = `<sip:raw@${sentBy}${transport === 'WS' ? ';transport=ws' : ''}>`
  const received: SipMessage[] = []
  const waiting = new Set<() => void>()
  let pings = 0
  wire.onData((data) => {
    if (data.length <= 4) {
      pings += 1
      return
    }
    const result = parseMessage(data)
    // What refuses nonsense repeats some of it.
    if (!result.ok && /^SIP\/2\.0 (?:400|505) /.test(data.toString('latin1', 0, 16))) return
    if (!result.ok) throw new Error(`the switch sent nonsense: ${result.error}\n${data}`)
    received.push(result.message)
    for (const look of waiting) look()
  })

  /** The next message that fits, taken out of what has come. */
  function next(fits: (message: SipMessage) => boolean, timeoutMs = 3000): Promise<SipMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<SipMessage>()
    const look = () => {
      const index = received.findIndex(fits)
      if (index < 0) return
      clearTimeout(timer)
      waiting.delete(look)
      resolve(received.splice(index, 1)[0]!)
    }
    const timer = setTimeout(() => {
      waiting.delete(look)
      reject(new Error(`nothing came; there was ${JSON.stringify(received.map((message) => message.headers))}`))
    }, timeoutMs)
    waiting.add(look)
    look()
    return promise
  }

  function send(method: string, options: RawRequest = {}) {
    const { callId = randomUUID(), cseq = 1, branch = `z9hG4bK${randomUUID()}`, fromTag = 'raw', body = '' } = options
    const {
      from = 'sip:raw@127.0.0.1',
      uri = `sip:someone@127.0.0.1:${serverPort}`,
      to = `<${uri}>`,
      headers = [],
    } = options
    sendText(
      [
        `${method} ${uri} SIP/2.0`,
        `Via: SIP/2.0/${transport} ${sentBy};branch=${branch};rport`,
        `From: <${from}>;tag=${fromTag}`,
        `To: ${to}`,
        `Call-ID: ${callId}`,
        `CSeq: ${cseq} ${method}`,
        ...(headers.some((line) => /^(?:contact|m)\s*:/i.test(line)) ? [] : [`Contact: ${contact}`]),
        'Max-Forwards: 70',
        ...(body && !headers.some((line) => line.startsWith('Content-Type')) ? ['Content-Type: application/sdp'] : []),
        ...headers,
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    )
    return { callId, cseq, branch, uri, to, from, fromTag }
  }

  const isFinal = (callId: string, cseq: number) => (message: SipMessage) =>
    message.kind === 'response' && message.status >= 200 && message.callId === callId && message.cseq.number === cseq

  /** Sends and waits for the final response; a refused INVITE gets its ACK. */
  async function ask(method: string, options: RawRequest = {}): Promise<SipResponse> {
    const sent = send(method, options)
    const response = (await next(isFinal(sent.callId, sent.cseq))) as SipResponse
    if (method === 'INVITE' && response.status >= 300) {
      send('ACK', { ...options, ...sent, to: header(response, 'to')!, headers: [], body: '' })
    }
    return response
  }

  /** As `ask`, answering a challenge with the password. */
  async function askAs(
    user: string,
    password: string,
    method: string,
    options: RawRequest = {},
    algorithm: 'MD5' | 'SHA-256' = 'MD5',
  ) {
    const callId = options.callId ?? randomUUID()
    const cseq = options.cseq ?? 1
    const first = await ask(method, { ...options, callId, cseq })
    if (first.status !== 401 && first.status !== 407) return first
    const authorization = answerChallenge(first, {
      user,
      password,
      method,
      uri: options.uri ?? `sip:someone@127.0.0.1:${serverPort}`,
      algorithm,
    })
    return ask(method, { ...options, callId, cseq: cseq + 1, headers: [...(options.headers ?? []), authorization] })
  }

  const taken = new Set<string>()
  /** The next request of a method that is no repetition of one that was taken before: on a slow machine there are some. */
  async function nextRequest(method: string, timeoutMs?: number): Promise<SipRequest> {
    for (;;) {
      const fits = (message: SipMessage) => message.kind === 'request' && message.method === method
      const request = (await next(fits, timeoutMs)) as SipRequest
      const key = `${method} ${request.via.params.get('branch')}`
      if (taken.has(key)) continue
      taken.add(key)
      return request
    }
  }

  /** Answers a request, to where its Via says that it came from. */
  function reply(
    request: SipRequest,
    status: number,
    options: { toTag?: string; headers?: string[]; body?: string } = {},
  ) {
    const { toTag = 'raw', headers = [], body = '' } = options
    const to = header(request, 'to')!
    const via = request.via.params
    sendText(
      [
        `SIP/2.0 ${status} Whatever`,
        ...request.headers
          .filter(([name]) => ['via', 'from', 'call-id', 'cseq', 'record-route'].includes(name))
          .map(([name, value]) => `${name}: ${value}`),
        `To: ${to}${to.includes('tag=') || status === 100 ? '' : `;tag=${toTag}`}`,
        ...(headers.some((line) => line.startsWith('Contact'))
          ? []
          : [`Contact: <sip:raw@${host}:${port}${transport === 'UDP' ? '' : `;transport=${transport}`}>`]),
        ...headers,
        ...(body ? ['Content-Type: application/sdp'] : []),
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
      request.via.port,
      via.get('received') ?? '127.0.0.1',
    )
  }

  return {
    host,
    port,
    contact,
    send,
    sendText,
    next,
    nextRequest,
    reply,
    ask,
    askAs,
    received,
    pings: () => pings,
    close: wire.close,
  }
}

/** The Authorization or Proxy-Authorization line for a challenge. */
export function answerChallenge(
  response: SipResponse,
  {
    user,
    password,
    method,
    uri,
    algorithm = 'MD5',
    nc = '00000001',
  }: { user: string; password: string; method: string; uri: string; algorithm?: 'MD5' | 'SHA-256'; nc?: string },
): string {
  const proxy = response.status === 407
  // Not as a comma list: a challenge has commas of its own.
  const values = response.headers.filter(([name]) => name === (proxy ? 'proxy-authenticate' : 'www-authenticate'))
  const value = values.map(([, text]) => text).find((text) => text.includes(`algorithm=${algorithm},`))
  if (!value) throw new Error(`no challenge for ${algorithm} in ${headerList(response, 'www-authenticate')}`)
  const realm = /realm="([^"]*)"/.exec(value)![1]!
  const nonce = /nonce="([^"]*)"/.exec(value)![1]!
  const line = (digest: string) =>
    `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${digest}", algorithm=${algorithm}, qop=auth, cnonce="c", nc=${nc}`
  const credentials = parseCredentials(line('0'))!
  const digest = digestResponse(ha1(algorithm, user, realm, password), method, credentials)
  return `${proxy ? 'Proxy-Authorization' : 'Authorization'}: ${line(digest)}`
}
