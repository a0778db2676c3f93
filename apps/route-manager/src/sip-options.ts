import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

/** `host` or `host:port`, an IPv6 address in brackets, as a socket wants it. */
export function placeOf(hostname: string): { host: string; port: number } {
  const [, host = '', port = '5060'] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(hostname)!
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(port) }
}

interface Asked {
  /** What the request is addressed to. */
  hostname: string
  address: string
  port: number
}

/** RFC 3261 section 17.1.2.2: sent again after T1, twice T1 …, at most every T2. */
const t1Ms = 500
const t2Ms = 4_000
const timeoutMs = 5_000

/** Asks by SIP OPTIONS over UDP (RFC 3261 section 11). The status of the final answer; undefined when there is none. */
export async function askOptions({ hostname, address, port }: Asked, stop: AbortSignal): Promise<number | undefined> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
  let resend: NodeJS.Timeout | undefined
  try {
    // Connected, so that a refusal by ICMP is heard, and nobody but the one who was asked.
    socket.connect(port, address)
    await once(socket, 'connect', { signal })
    const branch = `z9hG4bK${randomBytes(12).toString('hex')}`
    const message = optionsRequest(hostname, socket.address(), branch)
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
  } catch {
    return undefined
  } finally {
    clearTimeout(resend)
    socket.close()
  }
}

function optionsRequest(hostname: string, local: { address: string; port: number }, branch: string): string {
  const host = isIPv6(local.address) ? `[${local.address}]` : local.address
  const random = () => randomBytes(12).toString('hex')
  return [
    `OPTIONS sip:${hostname} SIP/2.0`,
    `Via: SIP/2.0/UDP ${host}:${local.port};branch=${branch};rport`,
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
