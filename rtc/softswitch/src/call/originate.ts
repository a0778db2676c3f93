import type { Headers } from '../sip/message.ts'
import { techCause } from '../sip/q850.ts'
import { createUacLeg } from '../sip/uac-leg.ts'
import { parseUri, type SipUri } from '../sip/uri.ts'
import type { UserAgent } from '../sip/user-agent.ts'
import {
  type Channel,
  channelView,
  createChannel,
  destroyChannel,
  digitReceived,
  emitChannel,
  emitHangupRequest,
  type Party,
  setState,
} from './channel.ts'
import { type Core, timestamp } from './core.ts'
import { createVirtualMedia } from './virtual-media.ts'

/** Where a called URI is: a registered contact and the way it came, or the URI itself. `null`: known to us, but not registered. */
export type Resolve = (uri: SipUri) => Promise<{ target: SipUri; via?: Parameters<UserAgent['flowTo']>[0] } | null>

export interface OriginateOptions {
  id: string
  endpoint: string
  caller: Party
  variables: Map<string, string>
}

const CAUSE_NO_ANSWER = 19
const CAUSE_ABSENT = 20
const CAUSE_NO_ROUTE = 3

/** `PJSIP/<endpoint>/sip:user@host` or `Local/echo@svc-echo`. */
type Endpoint = { kind: 'sip'; name: string; dialString: string; uri: SipUri } | { kind: 'echo'; dialString: string }

export function parseEndpoint(text: string): Endpoint | null {
  const slash = text.indexOf('/')
  const tech = text.slice(0, slash).toLowerCase()
  const dialString = text.slice(slash + 1)
  if (tech === 'local' && dialString === 'echo@svc-echo') return { kind: 'echo', dialString }
  if (tech !== 'pjsip') return null
  const second = dialString.indexOf('/')
  const uri = second < 0 ? null : parseUri(dialString.slice(second + 1))
  return uri && uri.scheme === 'sip' ? { kind: 'sip', name: dialString.slice(0, second), dialString, uri } : null
}

// What ARI clients know as Dial's dialstatus (Asterisk's hangup_cause_to_dial_status).
function dialStatus(cause: number): string {
  if (cause === 17) return 'BUSY'
  if (cause === 34 || cause === 42) return 'CONGESTION'
  if ([1, 3, 20, 27, 38, 58, 66].includes(cause)) return 'CHANUNAVAIL'
  return 'NOANSWER'
}

/** Makes a channel that can be dialled; nothing is sent before `dial`. */
export async function createOutboundChannel(
  context: { core: Core; agent: () => UserAgent; resolve: Resolve },
  endpoint: Endpoint,
  options: OriginateOptions,
  onAnswered: (channel: Channel) => void,
): Promise<Channel> {
  const { core } = context
  if (endpoint.kind === 'echo') return createEcho(core, endpoint.dialString, options, onAnswered)

  const agent = context.agent()
  const media = await core.media.openSession()
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
  let timer: NodeJS.Timeout | undefined
  channel.onEnd.add(() => clearTimeout(timer))
  const tellDial = (dialstatus: string) => emitDial(core, channel, endpoint.dialString, dialstatus)

  async function dial(timeoutSeconds: number) {
    tellDial('')
    if (timeoutSeconds > 0) timer = setTimeout(() => channel.tech.hangup(CAUSE_NO_ANSWER), timeoutSeconds * 1000)
    const where = await context.resolve((endpoint as { uri: SipUri }).uri).catch(() => null)
    if (channel.ended) return
    if (!where) return fail(CAUSE_ABSENT)
    const flow = where.via ? agent.flowTo(where.via) : await agent.route(where.target).catch(() => null)
    if (channel.ended) return
    if (!flow) return fail(CAUSE_NO_ROUTE)
    core.count('calls_outbound')
    let timedOut = false
    let asked = false
    const leg = createUacLeg({
      agent,
      flow,
      target: where.target,
      caller: options.caller,
      headers: customHeaders(options.variables),
      media,
      events: {
        onRinging() {
          if (channel.state !== 'Down') return
          setState(core, channel, 'Ringing')
          tellDial('RINGING')
        },
        onProgress: () => tellDial('PROGRESS'),
        onAnswered() {
          clearTimeout(timer)
          setState(core, channel, 'Up')
          tellDial('ANSWER')
          onAnswered(channel)
        },
        onDtmf: (digit, durationMs) => digitReceived(core, channel, digit, durationMs),
        onHold: (held) => emitChannel(core, held ? 'ChannelHold' : 'ChannelUnhold', channel),
        onEnded(cause, status) {
          const peerStatus = status === 0 ? {} : { tech_cause: status }
          if (!asked && !timedOut) emitHangupRequest(core, channel, { cause, ...peerStatus })
          // As in Asterisk, a dial that ran out of time ends without a word of its own.
          if (channel.state !== 'Up' && !timedOut) tellDial(dialStatus(cause))
          destroyChannel(core, channel, cause, asked || timedOut ? techCause(cause) : status)
        },
      },
    })
    channel.protocolId = leg.callId
    channel.tech = {
      hangup(cause) {
        asked = true
        leg.hangup(cause)
      },
    }
    if (timeoutSeconds > 0) {
      clearTimeout(timer)
      timer = setTimeout(() => {
        timedOut = true
        leg.hangup(CAUSE_NO_ANSWER)
      }, timeoutSeconds * 1000)
    }
  }

  function fail(cause: number) {
    tellDial(dialStatus(cause))
    destroyChannel(core, channel, cause)
  }

  channel.tech = {
    dial: (timeoutSeconds) => void dial(timeoutSeconds),
    hangup: (cause) => destroyChannel(core, channel, cause, techCause(cause)),
  }
  return channel
}

/** A channel that answers by itself and says what it hears. */
function createEcho(core: Core, dialString: string, options: OriginateOptions, onAnswered: (channel: Channel) => void) {
  const media = createVirtualMedia(core.media.clock, (said) => media.hear(said))
  const channel = createChannel(core, {
    id: options.id,
    name: `${core.nextChannelName(`Local/${dialString}`)};1`,
    endpoint: dialString,
    state: 'Down',
    media,
    variables: options.variables,
  })
  channel.caller = options.caller
  channel.tech.dial = () => {
    emitDial(core, channel, dialString, '')
    setState(core, channel, 'Up')
    emitDial(core, channel, dialString, 'ANSWER')
    onAnswered(channel)
  }
  return channel
}

function emitDial(core: Core, channel: Channel, dialstring: string, dialstatus: string) {
  const peer = channelView(channel)
  core.emit(
    { type: 'Dial', timestamp: timestamp(), dialstatus, forward: '', dialstring, peer },
    { channel: channel.id, endpoint: channel.endpoint },
  )
}

/** Headers that the stack writes itself. */
const OWN_HEADERS = new Set(
  'via from to call-id cseq contact max-forwards route record-route allow content-type content-length'.split(' '),
)

/** `PJSIP_HEADER(add,X-Name)` among the variables, as chan_pjsip's function of that name. */
function customHeaders(variables: Map<string, string>): Headers {
  return [...variables].flatMap(([key, value]): Headers => {
    const name = /^PJSIP_HEADER\(add,\s*([A-Za-z0-9-]+)\s*\)$/.exec(key)?.[1]?.toLowerCase()
    return name === undefined || OWN_HEADERS.has(name) ? [] : [[name, value]]
  })
}
