import { parseUri } from '../sip/uri.ts'
import type { Channel, Party } from './channel.ts'
import { createEcho, ECHO_DIAL_STRING } from './local-echo.ts'
import { createSipChannel, OUTBOUND_ENDPOINT, type OutboundContext } from './outbound-sip.ts'

export interface OriginateOptions {
  id: string
  /** What was dialled, without the technology. */
  dialString: string
  caller: Party
  variables: Map<string, string>
  onAnswered(channel: Channel): void
}

/**
 * How to make a channel for `PJSIP/call-out/sip:user@host` or `Local/echo@svc-echo`; `null` for any other endpoint. The
 * channel itself is `null` when it cannot be had now.
 */
export function outboundChannelFor(endpoint: string) {
  const slash = endpoint.indexOf('/')
  const tech = endpoint.slice(0, slash).toLowerCase()
  const dialString = endpoint.slice(slash + 1)
  if (tech === 'local' && dialString === ECHO_DIAL_STRING) {
    return async ({ core }: OutboundContext, options: Omit<OriginateOptions, 'dialString'>): Promise<Channel | null> =>
      createEcho(core, { ...options, dialString })
  }
  const prefix = `${OUTBOUND_ENDPOINT}/`
  const uri = tech === 'pjsip' && dialString.startsWith(prefix) ? parseUri(dialString.slice(prefix.length)) : null
  if (uri?.scheme !== 'sip') return null
  return (context: OutboundContext, options: Omit<OriginateOptions, 'dialString'>): Promise<Channel | null> =>
    createSipChannel(context, uri, { ...options, dialString })
}
