import { type Leg, type Line, SipFailure } from './call.ts'
import type { Codec } from './codec.ts'
import { dialogRequest, dialogTowards, newTag } from './dialog.ts'
import { answerableChallenge, answerChallenge } from './digest.ts'
import { type IncomingCall, receiveCall } from './incoming-call.ts'
import { type OutgoingOptions, placeCall } from './outgoing-call.ts'
import { type Address, header, needed, param, responseTo, type SipRequest, uriOf } from './sip-message.ts'
import { branchOf, openTransactions } from './transactions.ts'

export type PhoneOptions = {
  server: Address
  username?: string | undefined
  password?: string | undefined
  domain?: string | undefined
  /** Our own address; a free port of 127.0.0.1 by default. */
  bind?: Partial<Address> | undefined
  codecs?: Codec[] | undefined
  /** Whether it knows telephone-event (RFC 4733); it does by default. */
  telephoneEvent?: boolean | undefined
}

export type Phone = Awaited<ReturnType<typeof createPhone>>

/** A SIP phone on UDP for tests: it registers, calls, is called, speaks, listens and presses keys. */
export async function createPhone(options: PhoneOptions) {
  const { server, username = 'phone', password, domain = server.host, bind, codecs = ['PCMU', 'PCMA'] } = options
  const { telephoneEvent = true } = options
  const legs = new Map<string, Leg['leg']>() // by Call-ID and our tag
  const arriving = new Map<string, ReturnType<typeof receiveCall>>() // by the branch of their INVITE
  const unclaimed: IncomingCall[] = []
  const waiters = new Set<(call: IncomingCall) => void>()
  let handler: ((call: IncomingCall) => unknown) | undefined

  const address = { host: bind?.host ?? '127.0.0.1', port: bind?.port ?? 0 }
  const transactions = await openTransactions(address, (request) => void onRequest(request))
  const { host, port } = transactions
  const contact = `<sip:${username}@${host}:${port}>`
  const aor = `sip:${username}@${domain}`

  const exchange: Line['exchange'] = async (make, to, onProvisional) => {
    const request = make()
    const response = await transactions.request(request, to, onProvisional)
    const challenge = answerableChallenge(response)
    if (!challenge || password === undefined) return response
    const again = make()
    again.headers.push([challenge.answerName, answerChallenge(challenge.value, request, { username, password })])
    return transactions.request(again, to, onProvisional)
  }
  const line: Line = { transactions, server, contact, codecs, telephoneEvent, exchange }

  const keep = (leg: Leg['leg']) => {
    const key = `${leg.dialog.callId} ${param(leg.dialog.local, 'tag')}`
    legs.set(key, leg)
    void leg.ended.then(() => legs.delete(key))
  }

  const onInvite = async (invite: SipRequest) => {
    transactions.respond(invite, responseTo(invite, 100, ''))
    const required = header(invite, 'require')
    if (required) return transactions.respond(invite, responseTo(invite, 420, newTag(), [['Unsupported', required]]))
    const arrival = receiveCall(line, invite)
    arriving.set(branchOf(invite), arrival)
    const { leg, call, usable } = await arrival
    if (!usable) return call.reject(488)
    keep(leg)
    void leg.answered.promise.finally(() => arriving.delete(branchOf(invite))).catch(() => {})
    const [waiter] = waiters
    if (handler) void handler(call)
    else if (waiter) waiter(call)
    else unclaimed.push(call)
  }

  const onRequest = async (request: SipRequest) => {
    const tag = param(needed(request, 'to'), 'tag')
    const reply = (status: number) => transactions.respond(request, responseTo(request, status, newTag()))
    if (request.method === 'CANCEL') {
      const arrival = await arriving.get(branchOf(request))
      return arrival ? arrival.onCancel(request) : reply(481)
    }
    if (tag !== undefined) {
      const leg = legs.get(`${needed(request, 'call-id')} ${tag}`)
      if (request.method === 'ACK') return leg?.onAck(request)
      return leg ? leg.onRequest(request) : reply(481)
    }
    if (request.method === 'INVITE') return onInvite(request)
    if (request.method !== 'ACK') reply(request.method === 'OPTIONS' ? 200 : 405)
  }

  const registration = dialogTowards(aor, aor)
  registration.target = `sip:${domain}`
  /** REGISTER; rejects with the status when the server refuses. */
  const register = async ({ expires = 300 }: { expires?: number } = {}) => {
    const headers: [string, string][] = [
      ['Contact', contact],
      ['Expires', String(expires)],
    ]
    const response = await exchange(() => dialogRequest(registration, 'REGISTER', { headers }), server)
    if (response.status >= 300) throw new SipFailure('REGISTER', response)
    return response
  }

  const nextCall = ({ timeoutMs = 5000 }: { timeoutMs?: number } = {}) =>
    new Promise<IncomingCall>((resolve, reject) => {
      const first = unclaimed.shift()
      if (first) return resolve(first)
      const settle = (call: IncomingCall) => {
        clearTimeout(timer)
        waiters.delete(settle)
        resolve(call)
      }
      const timer = setTimeout(() => {
        waiters.delete(settle)
        reject(new Error(`no call came to ${aor} within ${timeoutMs} ms`))
      }, timeoutMs)
      waiters.add(settle)
    })

  return {
    host,
    port,
    /** How this phone is reached without a registrar. */
    uri: uriOf(contact),
    aor,
    register,
    unregister: () => register({ expires: 0 }),
    /** Any request outside a dialog, such as OPTIONS. */
    request: (method: string, uri: string) => exchange(() => dialogRequest(dialogTowards(uri, aor), method), server),
    async call(uri: string, { from = aor, ...callOptions }: OutgoingOptions & { from?: string | undefined } = {}) {
      const { leg, call } = await placeCall(line, dialogTowards(uri, from), callOptions)
      keep(leg)
      return call
    },
    /** Each call goes to the handler from now on, instead of to `nextCall`. */
    onInvite(take: (call: IncomingCall) => unknown) {
      handler = take
    },
    nextCall,
    /** Datagrams that were not SIP. */
    malformedCount: transactions.malformedCount,
    /** Ends what is still up, and the sockets. */
    async close() {
      const goodbyes = [...legs.values()].map((leg) => leg.hangup())
      await Promise.race([Promise.allSettled(goodbyes), new Promise((resolve) => setTimeout(resolve, 500))])
      for (const leg of legs.values()) leg.end({ by: 'us' })
      await transactions.close()
    },
  }
}
