import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIPv6 } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { SipHost, SipPlace, SipProtocol } from '@sidetone/sip-locate'

/** `host`, `host:port` or `host;transport=tls`, an IPv6 address in brackets: what there is to look up. */
export function placeOf(hostname: string): SipHost {
  const [, host = '', port, transport] = /^(\[.*\]|[^:;]*)(?::(\d+))?(?:;transport=(\w+))?$/.exec(hostname)!
  return {
    host: host.startsWith('[') ? host.slice(1, -1) : host,
    ...(port && { port: Number(port) }),
    ...(transport && { protocol: transport.toUpperCase() as SipProtocol }),
  }
}

/** `hostname` is what the request is addressed to. */
type Asked = SipPlace & { hostname: string }

/** RFC 3261 section 17.1.2.2: sent again after T1, twice T1 …, at most every T2. */
const t1Ms = 500
const t2Ms = 4_000
const timeoutMs = 5_000

/** Asks by SIP OPTIONS (RFC 3261 section 11). The status of the final answer; undefined when there is none. */
export async function askOptions(asked: Asked, stop: AbortSignal): Promise<number | undefined> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
  const branch = `z9hG4bK${randomBytes(12).toString('hex')}`
  const ask = asked.protocol === 'UDP' ? askByDatagram : askByConnection
  return ask(asked, branch, signal).catch(() => undefined)
}

async function askByDatagram(asked: Asked, branch: string, signal: AbortSignal): Promise<number> {
  const socket = createSocket(isIPv6(asked.address) ? 'udp6' : 'udp4')
  let resend: NodeJS.Timeout | undefined
  try {
    // Connected, so that a refusal by ICMP is heard, and nobody but the one who was asked.
    socket.connect(asked.port, asked.address)
    await once(socket, 'connect', { signal })
    const message = optionsRequest(asked, socket.address(), branch)
    const send = (waitMs: number) => {
      socket.send(message, () => {})
      resend = setTimeout(send, waitMs, Math.min(waitMs * 2, t2Ms))
    }
    send(t1Ms)
    for (;;) {
      const [answer] = (await once(socket, 'message', { signal })) as [Buffer]
      const status = statusOf(answer.toString('latin1'), branch)
      if (status !== undefined && status >= 200) return status
    }
  } finally {
    clearTimeout(resend)
    socket.close()
  }
}

async function askByConnection(asked: Asked, branch: string, signal: AbortSignal): Promise<number> {
  const { address: host, port, protocol } = asked
  // Whether its certificate is to be believed is for those to judge who send it calls; here it is asked whether it is there.
  const socket = protocol === 'TLS' ? tlsConnect({ host, port, rejectUnauthorized: false }) : connect({ host, port })
  const failed = once(socket, 'close', { signal }).then(() => {
    throw new Error('the connection was closed')
  })
  try {
    await Promise.race([once(socket, protocol === 'TLS' ? 'secureConnect' : 'connect', { signal }), failed])
    socket.write(optionsRequest(asked, { address: socket.localAddress!, port: socket.localPort! }, branch))
    for (let text = ''; ; ) {
      const [chunk] = (await Promise.race([once(socket, 'data', { signal }), failed])) as [Buffer]
      text += chunk.toString('latin1')
      const statuses = text.split(/(?=^SIP\/2\.0 )/m).map((answer) => statusOf(answer, branch))
      const final = statuses.find((status) => status !== undefined && status >= 200)
      if (final !== undefined) return final
    }
  } finally {
    failed.catch(() => {})
    socket.destroy()
  }
}

function optionsRequest(
  { hostname, protocol }: Asked,
  local: { address: string; port: number },
  branch: string,
): string {
  const host = isIPv6(local.address) ? `[${local.address}]` : local.address
  const random = () => randomBytes(12).toString('hex')
  return [
    `OPTIONS sip:${hostname} SIP/2.0`,
    `Via: SIP/2.0/${protocol} ${host}:${local.port};branch=${branch};rport`,
    'Max-Forwards: 70',
    `From: <sip:sidetone@${host}>;tag=${random()}`,
    `To: <sip:${hostname}>`,
    `Call-ID: ${random()}`,
    'CSeq: 1 OPTIONS',
    `Contact: <sip:sidetone@${host}:${local.port}>`,
    'Accept: application/sdp',
    'User-Agent: Sidetone',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')
}

/** The status of a response to the request with this branch (section 17.1.3); anything else is none. */
function statusOf(text: string, branch: string): number | undefined {
  const status = /^SIP\/2\.0 ([1-6]\d\d) /.exec(text)?.[1]
  return status && /^(?:via|v)\s*:.*$/im.exec(text)?.[0].includes(branch) ? Number(status) : undefined
}
