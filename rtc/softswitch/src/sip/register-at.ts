import { randomUUID } from 'node:crypto'
import { type Login, requestWithLogin } from './answer-challenge.ts'
import { newTag } from './dialog.ts'
import type { FlowTarget } from './flow.ts'
import { type Headers, header, nameAddrList, type SipResponse } from './message.ts'
import { formatUri, type SipUri } from './uri.ts'
import type { UserAgent } from './user-agent.ts'

/** With whom we register, and as whom. */
export interface RegistrationSettings {
  server: SipUri
  /** The address of record, for From and To. */
  client: SipUri
  /** What calls to us have as user: it tells the registrations apart. */
  contactUser: string
  login: Login | undefined
  expiresSeconds: number
}

interface RegistrationState {
  status: 'registering' | 'registered' | 'rejected' | 'unreachable'
  /** The answer that led there, when it was a refusal. */
  detail: string
}

export interface OutboundRegistration {
  readonly state: RegistrationState
  /** Addresses of the servers, whose calls to `contactUser` are the carrier's. */
  readonly servers: ReadonlySet<string>
  /** Takes the contact back, without waiting for an answer. */
  close(): void
}

/** RFC 5626 §4.5: the waiting doubles between these, a little at random so that not all come back at once. */
const RETRY_MS = { first: 30_000, most: 1_800_000 }
/** Wrong credentials do not get right by asking: only as often as somebody may have corrected them over there. */
const REJECTED = new Set([401, 403, 404, 407, 423])
const MOST_EXPIRES = 86_400
/** Within this of the end a registration is renewed. */
const EARLY_SECONDS = 30

/** Registers with a carrier and stays registered (RFC 3261 §10.2): refreshes, tries its servers in turn, and comes back when it was refused. */
export function registerAt(agent: UserAgent, settings: RegistrationSettings, retryMs = RETRY_MS): OutboundRegistration {
  const { server, client, contactUser, login } = settings
  const callId = randomUUID()
  const tag = newTag()
  let servers = new Set<string>()
  let state: RegistrationState = { status: 'registering', detail: '' }
  let expiresSeconds = settings.expiresSeconds
  let seq = 0
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let way: FlowTarget | undefined
  let closed = false

  const contactAt = (target: FlowTarget) =>
    agent.contact(agent.flowTo(target), server.scheme === 'sips').replace(/^<(sips?):/, `<$1:${contactUser}@`)

  function send(
    target: FlowTarget,
    seconds: number,
    onResponse: (response: SipResponse) => void,
    onFailure: () => void,
  ) {
    const flow = agent.flowTo(target)
    requestWithLogin({
      login,
      build(credentials) {
        const headers: Headers = [
          ['max-forwards', '70'],
          ['from', `<${formatUri(client)}>;tag=${tag}`],
          ['to', `<${formatUri(client)}>`],
          ['call-id', callId],
          ['cseq', `${++seq} REGISTER`],
          ['contact', `${contactAt(target)};expires=${seconds}`],
          ['expires', String(seconds)],
          ...credentials,
        ]
        return { method: 'REGISTER', uri: formatUri(server), headers }
      },
      send: (request, handlers) => void agent.request(request, flow, handlers),
      wanted: () => true,
      handlers: {
        onResponse: (response) => response.status >= 200 && onResponse(response),
        onFailure,
      },
    })
  }

  function again(ms: number) {
    clearTimeout(timer)
    if (!closed) timer = setTimeout(() => void refresh(), ms)
  }

  function failed(status: RegistrationState['status'], detail: string, afterSeconds?: number) {
    state = { status, detail }
    const backoff = Math.min(retryMs.first * 2 ** failures, retryMs.most)
    failures += 1
    again(Math.max((afterSeconds ?? 0) * 1000, backoff * (0.75 + Math.random() / 2)))
  }

  async function refresh(): Promise<void> {
    const ways = await agent.locate(server)
    if (closed) return
    servers = new Set(ways.map(({ remoteAddress }) => remoteAddress))
    attempt(ways)
  }

  function attempt([target, ...others]: FlowTarget[]): void {
    if (!target) {
      failed('unreachable', '')
      return
    }
    const next = (response?: SipResponse) => {
      if (others.length > 0) attempt(others)
      else failed('unreachable', said(response), retryAfter(response))
    }
    const refused = (response: SipResponse) => {
      const { status } = response
      // §10.2.8: a registrar that finds it too brief gets it as long as it wants, at once.
      const least = status === 423 ? Number(header(response, 'min-expires')) : 0
      if (least > expiresSeconds && least <= MOST_EXPIRES) {
        expiresSeconds = least
        attempt([target, ...others])
      } else if (status === 503) next(response)
      else failed(REJECTED.has(status) ? 'rejected' : 'unreachable', said(response), retryAfter(response))
    }
    const accepted = (response: SipResponse) => {
      way = target
      failures = 0
      state = { status: 'registered', detail: '' }
      const granted = grantedSeconds(response, contactUser) ?? expiresSeconds
      again(Math.max(granted - EARLY_SECONDS, granted / 2) * 1000)
    }
    const onResponse = (response: SipResponse) => {
      if (closed) return
      if (response.status >= 300) refused(response)
      else accepted(response)
    }
    send(target, expiresSeconds, onResponse, () => closed || next())
  }

  void refresh()
  return {
    get state() {
      return state
    },
    get servers() {
      return servers
    },
    close() {
      closed = true
      clearTimeout(timer)
      if (way && state.status === 'registered')
        send(
          way,
          0,
          () => {},
          () => {},
        )
    },
  }
}

const said = (response: SipResponse | undefined): string => (response ? `${response.status} ${response.reason}` : '')

const retryAfter = (response: SipResponse | undefined): number | undefined =>
  Number.parseInt((response && header(response, 'retry-after')) ?? '', 10) || undefined

/** How long our contact stays, as the registrar says (§10.2.1.1): at the contact, else for all. */
function grantedSeconds(response: SipResponse, contactUser: string): number | undefined {
  const own = nameAddrList(response, 'contact').find(({ uri }) => uri.user === contactUser)
  const seconds = Number(own?.params.get('expires') ?? header(response, 'expires'))
  return seconds > 0 ? seconds : undefined
}
