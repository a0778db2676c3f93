import { isReliable } from './flow.ts'
import type { Binding, Location } from './location.ts'
import { parseUri } from './uri.ts'
import type { UserAgent } from './user-agent.ts'

/** A ping that wants a pong over TCP and that nobody answers over UDP (RFC 5626 §3.5.1, §4.4). */
const PING = Buffer.from('\r\n\r\n')

/** Whether the phone calls itself something else than what we see of it. */
function isBehindNat({ contact, source }: Binding): boolean {
  const uri = parseUri(contact)
  return uri?.host !== source.remoteAddress || (uri.port ?? 5060) !== source.remotePort
}

/** Keeps open the way back to phones behind NAT that have no connection to us. Returns the stop. */
export function startNatPing(location: Location, agent: Pick<UserAgent, 'flowTo'>, everySeconds: number): () => void {
  const timer = setInterval(() => {
    for (const binding of location.list()) {
      if (!isReliable(binding.source) && isBehindNat(binding)) agent.flowTo(binding.source).send(PING)
    }
  }, everySeconds * 1000)
  return () => clearInterval(timer)
}
