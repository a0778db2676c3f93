import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { checkDigest, ha1, parseCredentials } from '../../src/sip/digest.ts'
import { header, type SipRequest } from '../../src/sip/message.ts'
import { parseMessage } from '../../src/sip/parse-message.ts'

interface Challenge {
  status: 401 | 407
  /** Whole values, in order. */
  values: string[]
}

/** What a carrier answers to a request that it has seen so often; nothing: it is accepted. */
type Decide = (request: SipRequest, nth: number) => Challenge | undefined

const sdp = (port: number) =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0 8\r\n`

/** A carrier over UDP that may ask who calls, and answers every call that it lets in. */
export async function startCarrier(decide: Decide) {
  const requests: SipRequest[] = []
  const socket = createSocket('udp4')
  socket.on('message', (data, { address, port }) => {
    const parsed = parseMessage(data)
    if (!parsed.ok) throw new Error(`the carrier was sent nonsense: ${parsed.error}\n${data}`)
    if (parsed.message.kind !== 'request') return
    const request = parsed.message
    const repeated = requests.some(({ via }) => via.params.get('branch') === request.via.params.get('branch'))
    if (!repeated || request.method === 'ACK') requests.push(request)
    if (request.method === 'ACK') return
    const nth = requests.filter(({ method }) => method === request.method).length
    const challenge = decide(request, nth)
    const copied = request.headers.filter(([name]) => ['via', 'from', 'call-id', 'cseq'].includes(name))
    const to = header(request, 'to')!
    const body = !challenge && request.method === 'INVITE' ? sdp(40_000) : ''
    const name = challenge?.status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate'
    socket.send(
      [
        `SIP/2.0 ${challenge?.status ?? 200} Whatever`,
        ...copied.map(([field, value]) => `${field}: ${value}`),
        `To: ${to.includes('tag=') ? to : `${to};tag=${challenge ? `refused${nth}` : 'carrier'}`}`,
        ...(challenge?.values ?? []).map((value) => `${name}: ${value}`),
        `Contact: <sip:carrier@127.0.0.1:${socket.address().port}>`,
        ...(body ? ['Content-Type: application/sdp'] : []),
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
      port,
      address,
    )
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    host: `127.0.0.1:${socket.address().port}`,
    requests,
    of: (method: string) => requests.filter((request) => request.method === method),
    close: () => socket.close(),
  }
}

/** Whether a request has the right answer to a challenge. */
export function isLetIn(request: SipRequest, { username, password }: { username: string; password: string }): boolean {
  const value = header(request, 'authorization') ?? header(request, 'proxy-authorization')
  const credentials = value === undefined ? null : parseCredentials(value)
  if (credentials?.username !== username || credentials.uri !== request.uri) return false
  const secret = ha1(credentials.algorithm, username, credentials.realm, password)
  return checkDigest(secret, request.method, credentials)
}
