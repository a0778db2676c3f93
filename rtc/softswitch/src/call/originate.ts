import type { CodecName } from '../media/types.ts'
import { parseUri } from '../sip/uri.ts'
import type { Channel, Party } from './channel.ts'
import { createEcho, ECHO_DIAL_STRING } from './local-echo.ts'
import { createSipChannel, type OutboundContext } from './outbound-sip.ts'

export interface OriginateOptions {
  id: string
  /** What was dialled, without the technology. */
  dialString: string
  caller: Party
  variables: Map<string, string>
  /** What is offered, best first; absent: what the endpoint offers. */
  codecs?: CodecName[] | undefined
  onAnswered(channel: Channel): void
}

/**
 * How to make a channel for `PJSIP/<endpoint>/sip:user@host` or `Local/echo@svc-echo`; `null` for any other destination.
 * The channel itself is `null` when it cannot be had now.
 */
export function outboundChannelFor({ endpoints }: Pick<OutboundContext, 'endpoints'>, endpoint: string) {
  const slash = endpoint.indexOf('/')
  const tech = endpoint.slice(0, slash).toLowerCase()
  const dialString = endpoint.slice(slash + 1)
  if (tech === 'local' && dialString === ECHO_DIAL_STRING) {
    return async ({ core }: OutboundContext, options: Omit<OriginateOptions, 'dialString'>): Promise<Channel | null> =>
      createEcho(core, { ...options, dialString })
  }
  const [, name = '', target = ''] = /^([^/]+)\/(.*)$/.exec(dialString) ?? []
  const found = tech === 'pjsip' ? endpoints.find(name) : undefined
  const uri = parseUri(target)
  if (!found || !uri || uri.scheme === 'tel') return null
  return (context: OutboundContext, options: Omit<OriginateOptions, 'dialString'>): Promise<Channel | null> =>
    createSipChannel(context, { endpoint: found, uri }, { ...options, dialString })
}
