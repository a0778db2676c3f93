import type { Candidate } from '../sip/fork.ts'
import type { Headers } from '../sip/message.ts'
import { techCause } from '../sip/q850.ts'
import { createUacLeg } from '../sip/uac-leg.ts'
import type { SipUri } from '../sip/uri.ts'
import type { UserAgent } from '../sip/user-agent.ts'
import { type Channel, createChannel, destroyChannel, emitHangupRequest, setState } from './channel.ts'
import type { Core } from './core.ts'
import { dialStatus, emitDial } from './dial-event.ts'
import type { Endpoint, Endpoints } from './endpoints.ts'
import { inCall } from './leg-events.ts'
import type { OriginateOptions } from './originate.ts'

/** Where a called URI is: what rings together. Empty: nowhere; `null`: known to us, but not registered. */
export type Resolve = (uri: SipUri) => Promise<Candidate[] | null>
/** Where whom we called may send us instead. */
export type Redirected = (
  contacts: SipUri[],
  from: Candidate,
  called: { uri: SipUri; endpoint: Endpoint },
) => Promise<Candidate[]>

export interface OutboundContext {
  core: Core
  agent: () => UserAgent
  resolve: Resolve
  redirected: Redirected
  endpoints: Endpoints
}

const CAUSE_NO_ROUTE = 3
const CAUSE_NO_ANSWER = 19
const CAUSE_ABSENT = 20

/** What is called, and with what. */
interface Destination {
  endpoint: Endpoint
  uri: SipUri
}

/** A channel to a SIP URI; nothing is sent before it is dialled. `null` when its id was taken meanwhile, or no port is free. */
export async function createSipChannel(
  context: OutboundContext,
  { endpoint, uri }: Destination,
  options: OriginateOptions,
): Promise<Channel | null> {
  const { core } = context
  const media = await core.media.openSession().catch(() => null)
  if (!media) return null
  if (core.channels.has(options.id)) {
    media.close()
    return null
  }
  const channel = createChannel(core, {
    id: options.id,
    name: core.nextChannelName(`PJSIP/${endpoint.name}`),
    endpoint: endpoint.name,
    state: 'Down',
    media,
    variables: options.variables,
  })
  channel.caller = options.caller
  channel.connected = options.caller
  channel.tech = {
    dial: (timeoutSeconds) => void dial(context, channel, { endpoint, uri }, options, timeoutSeconds),
    hangup: (cause) => destroyChannel(core, channel, cause, techCause(cause)),
  }
  return channel
}

async function dial(
  context: OutboundContext,
  channel: Channel,
  { endpoint, uri }: Destination,
  options: OriginateOptions,
  timeoutSeconds: number,
) {
  const { core } = context
  const tellDial = (status: string) => emitDial(core, channel, options.dialString, status)
  let timedOut = false
  if (timeoutSeconds > 0) {
    const timer = setTimeout(() => {
      if (channel.state === 'Up') return
      timedOut = true
      channel.tech.hangup(CAUSE_NO_ANSWER)
    }, timeoutSeconds * 1000)
    channel.onEnd.add(() => clearTimeout(timer))
  }
  tellDial('')
  const candidates = await context.resolve(uri)
  if (channel.ended) return
  if (!candidates?.some(({ ways }) => ways.length > 0)) {
    const cause = candidates ? CAUSE_NO_ROUTE : CAUSE_ABSENT
    tellDial(dialStatus(cause))
    return destroyChannel(core, channel, cause)
  }

  core.count('calls_outbound')
  let asked = false
  const leg = createUacLeg({
    agent: context.agent(),
    candidates,
    redirected: (contacts, from) => context.redirected(contacts, from, { uri, endpoint }),
    caller: options.caller,
    headers: customHeaders(options.variables),
    login: endpoint.login,
    codecs: options.codecs ?? endpoint.codecs,
    media: channel.media,
    events: {
      onRinging() {
        if (channel.state !== 'Down') return
        setState(core, channel, 'Ringing')
        tellDial('RINGING')
      },
      onProgress: () => tellDial('PROGRESS'),
      onAnswered() {
        setState(core, channel, 'Up')
        tellDial('ANSWER')
        options.onAnswered(channel)
      },
      ...inCall(core, () => channel),
      onEnded(cause, status) {
        if (!asked) emitHangupRequest(core, channel, { cause, ...(status !== 0 && { tech_cause: status }) })
        // As in Asterisk, a dial that ran out of time ends without a word of its own.
        if (channel.state !== 'Up' && !timedOut) tellDial(dialStatus(cause))
        destroyChannel(core, channel, cause, asked ? techCause(cause) : status)
      },
    },
  })
  channel.protocolId = leg.callId
  channel.tech = {
    hangup(cause) {
      asked = true
      leg.hangup(cause)
    },
    tellTransfer: leg.tellTransfer,
    isNamedBy: leg.isNamedBy,
  }
}

/** Headers that the stack writes itself. */
const OWN_HEADERS = new Set(
  'via from to call-id cseq contact max-forwards route record-route allow content-type content-length authorization proxy-authorization'.split(
    ' ',
  ),
)

/** `PJSIP_HEADER(add,X-Name)` among the variables, as chan_pjsip's function of that name. */
function customHeaders(variables: Map<string, string>): Headers {
  return [...variables].flatMap(([key, value]): Headers => {
    const name = /^PJSIP_HEADER\(add,\s*([A-Za-z0-9-]+)\s*\)$/.exec(key)?.[1]?.toLowerCase()
    return name === undefined || OWN_HEADERS.has(name) ? [] : [[name, value]]
  })
}
