import { randomUUID } from 'node:crypto'
import type { InviteVerdict } from '../sip/invite-policy.ts'
import { headerList } from '../sip/message.ts'
import { parseNameAddr } from '../sip/name-addr.ts'
import { techCause } from '../sip/q850.ts'
import type { ServerTransaction } from '../sip/server-transaction.ts'
import { createUasLeg, problemOf } from '../sip/uas-leg.ts'
import { parseUri } from '../sip/uri.ts'
import type { UserAgent } from '../sip/user-agent.ts'
import { createChannel, destroyChannel, emitHangupRequest, enterStasis, setState } from './channel.ts'
import type { Core } from './core.ts'
import { inCall } from './leg-events.ts'

/** Endpoint and context of whoever calls in, as in rtc/asterisk's configuration. */
const ENDPOINT = 'call-in'

/** An INVITE from outside becomes a channel in the application, or is refused. */
export function createInbound(options: {
  core: Core
  agent: () => UserAgent
  app: string
  /** Whether there is no room for a call more. */
  full(): boolean
  /** The number that a call is for, whose Request-URI has this user. */
  calledNumber(request: ServerTransaction['request'], user: string): string
  decide(request: ServerTransaction['request'], flow: ServerTransaction['flow']): Promise<InviteVerdict>
}) {
  const { core, app } = options
  const later = (seconds: number) => ({
    toTag: 'switch',
    headers: [['retry-after', String(seconds)]] as [string, string][],
  })

  return async function inbound(transaction: ServerTransaction): Promise<void> {
    const { request, flow } = transaction
    // The caller may give up while we still find out who calls.
    transaction.onCancel = () => transaction.respond(487, { toTag: 'switch' })
    // Before anybody is asked who calls: who is refused must cost little.
    if (options.full()) {
      core.count('calls_refused_full')
      return transaction.respond(503, later(10))
    }
    const verdict = await options.decide(request, flow)
    if (transaction.answered) return
    if (!verdict.ok) return transaction.respond(verdict.status, { toTag: 'switch', headers: verdict.headers })
    if (!core.hasApp(app)) return transaction.respond(503, later(5))
    const problem = problemOf(transaction, core.media)
    if (problem) return transaction.respond(problem.status, { toTag: 'switch', headers: problem.headers })
    const target = parseUri(request.uri)
    if (!target || target.user === '') return transaction.respond(target ? 484 : 416, { toTag: 'switch' })

    transaction.respond(100)
    const media = await core.media.openSession().catch(() => null)
    if (!media) return transaction.respond(503, later(10))
    if (transaction.answered) return media.close()

    const leg = createUasLeg({
      agent: options.agent(),
      transaction,
      media,
      events: {
        ...inCall(core, () => channel),
        onEnded(cause, status) {
          if (!asked) emitHangupRequest(core, channel, { cause, ...(status !== 0 && { tech_cause: status }) })
          destroyChannel(core, channel, cause, asked ? techCause(cause) : status)
        },
      },
    })
    let asked = false
    core.count('calls_inbound')
    const channel = createChannel(core, {
      id: randomUUID(),
      name: core.nextChannelName(`PJSIP/${ENDPOINT}`),
      endpoint: ENDPOINT,
      state: 'Ring',
      media,
      caller: callerOf(request, verdict.trusted),
      exten: options.calledNumber(request, target.user),
      protocolId: request.callId,
    })
    channel.tech = {
      ring: leg.ring,
      progress: leg.progress,
      answer() {
        leg.answer()
        setState(core, channel, 'Up')
      },
      hangup(cause) {
        asked = true
        leg.hangup(cause)
      },
      tellTransfer: leg.tellTransfer,
      isNamedBy: leg.isNamedBy,
    }
    for (const [name, value] of [...request.headers].reverse()) {
      channel.variables.set(`PJSIP_HEADER(read,${name})`, value) // of repeated ones the first is read
    }
    enterStasis(core, channel, app, [
      'direction=in',
      `domain=${target.host}`,
      `source=${flow.remoteAddress}`,
      `transport=${flow.protocol.toLowerCase()}`,
      `sip_call_id=${request.callId}`,
      `username=${verdict.account?.username ?? ''}`,
      `customer_id=${verdict.account?.customer_id ?? ''}`,
    ])
  }
}

/** From, or P-Asserted-Identity where the peer is trusted to assert it (RFC 3325 §9.1). */
function callerOf(request: ServerTransaction['request'], trusted: boolean) {
  const asserted = trusted ? parseNameAddr(headerList(request, 'p-asserted-identity')[0] ?? '') : null
  const { displayName, uri } = asserted ?? request.from
  return { name: displayName, number: uri.user }
}
