import { type Codec, formats } from './codec.ts'
import { type Dialog, dialogRequest, learnRemote, newTag, nextHop } from './dialog.ts'
import { digitsOf, type Listening, listening } from './listening.ts'
import { type Referral, referrals, replacesHeader } from './refer.ts'
import { openRtp, type RtpSession } from './rtp-session.ts'
import { type AudioDescription, answerTo, type Direction, formatSdp, parseSdp } from './sdp.ts'
import {
  type Address,
  type Header,
  header,
  needed,
  responseTo,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from './sip-message.ts'
import { sine } from './tones.ts'
import type { Transactions } from './transactions.ts'

/** What the calls of one phone share. */
export type Line = {
  transactions: Transactions
  server: Address
  contact: string
  codecs: Codec[]
  telephoneEvent: boolean
  /** Sends what `make` makes, and once more with credentials when it is challenged. */
  exchange: (
    make: () => SipRequest,
    to: Address,
    onProvisional?: (response: SipResponse) => void,
  ) => Promise<SipResponse>
}

export type CallEnd = {
  by: 'us' | 'them'
  status?: number | undefined
  reason?: string | undefined
  cause?: number | undefined
}

/** A call that did not come to be answered, or a request that was refused. */
export class SipFailure extends Error {
  readonly status: number
  constructor(what: string, response: SipResponse) {
    super(`${what}: ${response.status} ${response.reason}`)
    this.status = response.status
  }
}

export type Call = Listening & {
  readonly callId: string
  /** The INVITE that opened the call, whoever sent it. */
  readonly invite: SipRequest
  readonly status: number | undefined
  readonly progress: number[]
  /** Resolves when the call is answered, rejects with the final status when it is not. */
  readonly answered: Promise<void>
  readonly ended: Promise<CallEnd>
  /** Telephone events (RFC 4733) received so far, and all digits with their lengths. */
  readonly digits: string
  readonly dtmf: { digit: string; durationMs: number; via: 'rtp' | 'info' }[]
  readonly packets: ReturnType<RtpSession['stats']>
  /** What the other side's last SDP said. */
  readonly remoteAudio: AudioDescription | undefined
  /** BYE or CANCEL, or a refusal, as the state asks; resolves when that is done. */
  hangup(): Promise<void>
  /** Re-INVITE with `sendonly`, and back. */
  hold(): Promise<void>
  resume(): Promise<void>
  /** Offers anew what we send and receive; resolves when the answer is in force. */
  reoffer(options: Reoffer): Promise<void>
  /** Any request inside the dialog; rejects with the status when it is refused. */
  request(method: string, options?: { headers?: Record<string, string>; body?: string }): Promise<SipResponse>
  /** Asks the other side to call somebody else: with `attended`, to take the place of that call (RFC 3515, RFC 3891). */
  refer(to: string, options?: { attended?: Call; headers?: Record<string, string> }): Promise<Referral>
  /** `Replaces=…`: how an INVITE takes the place of this call. */
  readonly replaces: string
  /** What re-INVITE, UPDATE and the like the other side sent. */
  readonly requests: SipRequest[]
  sendDtmf(digits: string, options?: { durationMs?: number; gapMs?: number }): Promise<void>
  sendInfoDtmf(digits: string, options?: { durationMs?: number; type?: string }): Promise<void>
  play(tone: { frequency: number; durationMs: number; amplitude?: number }): Promise<void>
  playSamples(samples: Int16Array): Promise<void>
  stopPlaying(): void
}

export type Reoffer = {
  direction?: Direction
  method?: 'INVITE' | 'UPDATE'
  codecs?: Codec[]
  /** `late`: without SDP, so that the other side offers (re-INVITE alone). */
  offer?: 'early' | 'late'
}

export type Leg = Awaited<ReturnType<typeof openLeg>>

/** The part of a call that does not depend on who called: media, and requests inside the dialog. */
export async function openLeg(line: Line, dialog: Dialog, host: string) {
  const rtp = await openRtp(host, line.codecs)
  const answered = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<CallEnd>()
  answered.promise.catch(() => {}) // a test that only awaits `ended` is not a mistake
  const sdpId = Math.floor(performance.timeOrigin + performance.now())
  let sdpVersion = 0
  const infoDigits: { digit: string; durationMs: number }[] = []
  const leg = {
    line,
    dialog,
    rtp,
    state: 'early' as 'early' | 'confirmed' | 'ended',
    status: undefined as number | undefined,
    progress: [] as number[],
    local: ours('sendrecv'),
    remote: undefined as AudioDescription | undefined,
    answered,
    ended: ended.promise,
    localSdp: () => formatSdp(leg.local, { id: sdpId, version: ++sdpVersion }),
    applyRemote,
    answerOffer,
    end,
    request,
    reoffer,
    requests: [] as SipRequest[],
    bye,
    hangup: bye,
    onRequest,
    onAck,
    /** INVITEs of theirs, by CSeq number, until their ACK. */
    unacknowledged: new Map<number, SipRequest>(),
  }
  receive(leg.local)
  const transfers = referrals(() => leg)
  return {
    leg,
    /** The call as tests see it; `hangupEarly` is what hanging up means before the answer. */
    call(invite: SipRequest, hangupEarly: () => Promise<void>): Call {
      leg.hangup = () => (leg.state === 'early' ? hangupEarly() : bye())
      return asCall(leg, invite, infoDigits, transfers.refer)
    },
  }

  function ours(direction: Direction, offered = line.codecs): AudioDescription {
    return {
      address: { host, port: rtp.port },
      codecs: new Map(offered.map((codec) => [formats[codec].payload, codec])),
      events: line.telephoneEvent ? eventsBeside(offered) : new Map(),
      direction,
    }
  }

  function receive({ codecs, events }: AudioDescription) {
    rtp.receive(new Map<number, Codec | number>([...codecs, ...events]))
  }

  /** The other side's SDP is in force: send what both allow, in its first codec that we have. */
  function applyRemote(remote: AudioDescription) {
    leg.remote = remote
    const [payload, codec] = [...remote.codecs].find(([, name]) => line.codecs.includes(name)) ?? []
    if (payload === undefined || codec === undefined) throw new Error('the other side shares no codec with us')
    const weSend = leg.local.direction === 'sendrecv' || leg.local.direction === 'sendonly'
    const theyHear = remote.direction === 'sendrecv' || remote.direction === 'recvonly'
    const sending = weSend && theyHear && remote.address.host !== '0.0.0.0'
    const { clockHz } = formats[codec]
    const event = [...remote.events].find(([, hz]) => hz === clockHz) ?? [...remote.events][0]
    rtp.send({ address: remote.address, payload, codec, event: event && { payload: event[0], hz: event[1] }, sending })
  }

  /** Our answer to an offer of theirs, put in force; undefined when no codec is shared. */
  function answerOffer(body: string): string | undefined {
    const offer = parseSdp(body)
    const answer = offer && answerTo(offer, ours('sendrecv'))
    if (!answer) return undefined
    leg.local = answer
    receive(answer)
    applyRemote(offer)
    return leg.localSdp()
  }

  function end(how: CallEnd) {
    if (leg.state === 'ended') return
    leg.state = 'ended'
    rtp.close()
    ended.resolve(how)
  }

  async function request(method: string, options: { headers?: Header[]; body?: string } = {}): Promise<SipResponse> {
    const response = await line.exchange(() => dialogRequest(dialog, method, options), nextHop(dialog, line.server))
    if (response.status >= 300) throw new SipFailure(method, response)
    return response
  }

  async function reoffer({ direction = 'sendrecv', method = 'INVITE', codecs, offer = 'early' }: Reoffer) {
    const proposed = ours(direction, codecs)
    const before = leg.local
    leg.local = proposed
    let sent: SipRequest | undefined
    const headers: Header[] = [['Contact', line.contact]]
    const options = offer === 'late' ? { headers } : { headers: [...headers, SDP_TYPE], body: leg.localSdp() }
    const response = await line.exchange(
      () => (sent = dialogRequest(dialog, method, options)),
      nextHop(dialog, line.server),
    )
    if (response.status >= 300) {
      leg.local = before
      throw new SipFailure(method, response)
    }
    learnTarget(dialog, response)
    const answer = offer === 'late' ? answerOffer(response.body) : undefined
    if (method === 'INVITE') acknowledge(leg, sent!, answer)
    if (offer === 'late') return
    const remote = parseSdp(response.body)
    if (!remote) throw new Error(`the answer to the ${method} has no audio stream`)
    receive(leg.local)
    applyRemote(remote)
  }

  async function bye() {
    if (leg.state === 'ended') return
    end({ by: 'us' })
    await line.exchange(() => dialogRequest(dialog, 'BYE'), nextHop(dialog, line.server))
  }

  /** A request of the other side inside the dialog. */
  function onRequest(message: SipRequest) {
    const reply = (status: number, extra: Header[] = [], body = '') =>
      line.transactions.respond(message, responseTo(message, status, newTag(), extra, body))
    if (message.method === 'BYE') {
      reply(200)
      return end({ by: 'them', ...reasonOf(message) })
    }
    leg.requests.push(message)
    if (message.method === 'NOTIFY') return reply(transfers.notified(message))
    if (message.method === 'INVITE' || message.method === 'UPDATE') {
      const timer = header(message, 'session-expires')
      const extra: Header[] = [['Contact', line.contact], ...(timer ? [['Session-Expires', timer] as Header] : [])]
      if (message.method === 'INVITE') leg.unacknowledged.set(cseqOf(message), message)
      if (header(message, 'contact')) learnTarget(dialog, message)
      if (message.body === '' && message.method === 'UPDATE') return reply(200, extra)
      const answer = message.body === '' ? leg.localSdp() : answerOffer(message.body)
      if (answer === undefined) return reply(488)
      return reply(200, [...extra, SDP_TYPE], answer)
    }
    if (message.method === 'INFO') {
      const digit = /^\s*(?:Signal\s*=\s*)?([0-9*#A-D])/im.exec(message.body)?.[1]
      if (digit) infoDigits.push({ digit, durationMs: Number(/Duration\s*=\s*(\d+)/i.exec(message.body)?.[1] ?? 0) })
      return reply(200)
    }
    reply(message.method === 'OPTIONS' ? 200 : 405)
  }

  function onAck(ack: SipRequest) {
    const invite = leg.unacknowledged.get(cseqOf(ack))
    if (!invite) return
    leg.unacknowledged.delete(cseqOf(ack))
    line.transactions.acknowledged(invite)
    const answer = invite.body === '' ? parseSdp(ack.body) : undefined // their INVITE made us offer
    if (answer) applyRemote(answer)
    answered.resolve()
  }
}

const SDP_TYPE: Header = ['Content-Type', 'application/sdp']

const cseqOf = (message: SipMessage) => Number(needed(message, 'cseq').split(' ')[0])

/** ACK of a 2xx, with the INVITE's number and credentials (RFC 3261 13.2.2.4). */
export function acknowledge({ line, dialog }: Leg['leg'], invite: SipRequest, sdp?: string) {
  const credentials = invite.headers.filter(([name]) => name === 'Authorization' || name === 'Proxy-Authorization')
  const ack = dialogRequest(dialog, 'ACK', {
    headers: sdp === undefined ? credentials : [...credentials, ['Content-Type', 'application/sdp']],
    body: sdp ?? '',
    cseq: cseqOf(invite),
  })
  line.transactions.acknowledge(invite, ack, nextHop(dialog, line.server))
}

const learnTarget = (dialog: Dialog, message: SipMessage) => {
  const { routes, remote } = dialog
  learnRemote(dialog, message)
  Object.assign(dialog, { routes, remote }) // only the target may change inside a dialog (12.2.1.2)
}

/** What a BYE, CANCEL or failure says about why (RFC 3326). */
export function reasonOf(message: SipMessage): Pick<CallEnd, 'reason' | 'cause'> {
  const reason = header(message, 'reason')
  const cause = /cause\s*=\s*(\d+)/i.exec(reason ?? '')?.[1]
  return { reason, cause: cause === undefined ? undefined : Number(cause) }
}

function asCall(
  leg: Leg['leg'],
  invite: SipRequest,
  info: { digit: string; durationMs: number }[],
  refer: ReturnType<typeof referrals>['refer'],
): Call {
  const { rtp } = leg
  return {
    ...listening(rtp),
    callId: leg.dialog.callId,
    invite,
    progress: leg.progress,
    answered: leg.answered.promise,
    ended: leg.ended,
    get status() {
      return leg.status
    },
    get digits() {
      return digitsOf(rtp)
    },
    get dtmf() {
      const events = rtp.digits.map(({ digit, durationMs }) => ({ digit, durationMs, via: 'rtp' as const }))
      return [...events, ...info.map((digit) => ({ ...digit, via: 'info' as const }))]
    },
    get packets() {
      return rtp.stats()
    },
    get remoteAudio() {
      return leg.remote
    },
    hangup: () => leg.hangup(),
    hold: () => leg.reoffer({ direction: 'sendonly' }),
    resume: () => leg.reoffer({ direction: 'sendrecv' }),
    reoffer: (options) => leg.reoffer(options),
    request: (method, { headers = {}, body } = {}) =>
      leg.request(method, { headers: Object.entries(headers), ...(body === undefined ? {} : { body }) }),
    refer: (to, { attended, headers = {} } = {}) =>
      refer(attended ? `${to}?${attended.replaces}` : to, Object.entries(headers)),
    get replaces() {
      return replacesHeader(leg.dialog)
    },
    requests: leg.requests,
    sendDtmf: (digits, options) => rtp.sendDigits(digits, options),
    async sendInfoDtmf(digits, { durationMs = 160, type = 'application/dtmf-relay' } = {}) {
      for (const digit of digits) {
        const body = type === 'application/dtmf' ? digit : `Signal=${digit}\r\nDuration=${durationMs}\r\n`
        await leg.request('INFO', { headers: [['Content-Type', type]], body })
      }
    },
    play: ({ frequency, durationMs, amplitude }) => rtp.play(sine(frequency, durationMs, amplitude)),
    playSamples: (samples) => rtp.play(samples),
    stopPlaying: rtp.stopPlaying,
  }
}

/** Digits are on the clock of their audio (RFC 4733 section 2.1). */
const eventsBeside = (codecs: Codec[]): Map<number, number> =>
  new Map([codecs.some((codec) => codec !== 'opus') ? [101, 8000] : [110, 48_000]])
