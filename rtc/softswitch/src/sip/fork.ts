import { type Login, requestWithLogin } from './answer-challenge.ts'
import type { Flow, FlowTarget } from './flow.ts'
import { type Headers, nameAddrList, type SipResponse } from './message.ts'
import type { ClientTransaction, OutgoingRequest } from './transaction-layer.ts'
import { formatUri, type SipUri } from './uri.ts'
import type { UserAgent } from './user-agent.ts'

/** Something that an INVITE can be sent to, and the ways there: one after the other is tried (RFC 3263 §4.3). */
export interface Candidate {
  target: SipUri
  ways: FlowTarget[]
}

/** An INVITE as it was sent: what its ACK and its dialog are made of. */
export interface Sent {
  target: SipUri
  flow: Flow
  seq: number
  /** What it was let in with: its ACK has the same (RFC 3261 §13.2.2.4). */
  credentials: Headers
}

/** A server that is there has said something by then; the next way is tried, and this one cancelled. */
const SILENCE_MS = 4000
/** INVITEs of one call that redirects may bring about. */
const MAX_REDIRECTS = 5

interface Attempt {
  candidate: Candidate
  way: FlowTarget
  /** What is left: to the same, and others. */
  ways: FlowTarget[]
  others: Candidate[]
  firstSeq: number
}

export interface Fork {
  /** Nobody is to ring any more (RFC 3261 §9.1). An answer that crosses it still comes to `onSuccess`. */
  cancel(reason: string): void
}

/**
 * Sends an INVITE to several at once, as a forking proxy would (RFC 3261 §16.7): follows redirects, goes from way to way, and tells
 * the best of the answers when there is nothing left to try.
 */
export function forkInvite(options: {
  agent: UserAgent
  candidates: Candidate[]
  login: Login | undefined
  build(sent: Sent): OutgoingRequest
  /** Where a redirect may lead, the best first; empty: nowhere. */
  redirected(contacts: SipUri[], from: Candidate): Promise<Candidate[]>
  /** A 422: whether the INVITE is to be sent again, asking for a longer session (RFC 4028 §7.3). */
  onTooSmall(response: SipResponse): boolean
  handlers: {
    onProvisional(response: SipResponse, sent: Sent): void
    onSuccess(response: SipResponse, sent: Sent): void
    /** Once, unless there was a success. */
    onFailed(status: number, response: SipResponse | undefined): void
  }
}): Fork {
  const { agent, login, handlers } = options
  const ringing = new Set<ClientTransaction>()
  const called = new Set(options.candidates.map(({ target }) => formatUri(target)))
  let redirects = 0
  let over = false
  let branches = options.candidates.length
  let best: { status: number; response: SipResponse | undefined } | undefined
  let finished = false

  function cancel(reason: string) {
    over = true
    for (const transaction of ringing) transaction.cancel(reason)
  }

  function branchEnded(status: number, response?: SipResponse) {
    if (!best || rank(status) < rank(best.status)) best = { status, response }
    branches -= 1
    // §16.7 step 5: a 6xx speaks for everybody.
    if (status >= 600) cancel(DECLINED_ELSEWHERE)
    if (finished || (branches > 0 && status < 600)) return
    finished = true
    handlers.onFailed(best.status, best.response)
  }

  /** Tries one candidate after the other, each by one way after the other. */
  function branch(candidates: Candidate[], firstSeq: number): void {
    const [candidate, ...others] = candidates
    const [way, ...ways] = candidate?.ways ?? []
    if (candidate && way) attempt({ candidate, way, ways, others, firstSeq })
    else if (others.length > 0) branch(others, firstSeq)
    else branchEnded(503)
  }

  function attempt({ candidate, way, ways, others, firstSeq }: Attempt) {
    const rest = ways.length > 0 ? [{ ...candidate, ways }, ...others] : others
    let seq = firstSeq
    let left = false
    let transaction: ClientTransaction | undefined
    // Another way to the same is the same request (RFC 3263 §4.3), to another it is a new one.
    const seqOf = (next: Candidate[]) => (next === rest ? Math.max(firstSeq, seq - 1) : seq)
    const goOn = (next: Candidate[], status: number, response?: SipResponse) => {
      clearTimeout(silence)
      if (transaction) ringing.delete(transaction)
      if (left) return
      left = true
      if (over || next.length === 0) branchEnded(status, response)
      else branch(next, seqOf(next))
    }
    const silence = setTimeout(() => {
      if (rest.length === 0 || over) return
      transaction?.cancel(NO_LONGER_WANTED)
      left = true
      branch(rest, seqOf(rest))
    }, SILENCE_MS)

    let flow: Flow
    try {
      flow = agent.flowTo(way)
    } catch {
      goOn(rest, 480) // a phone whose connection has just gone
      return
    }
    let sent: Sent
    requestWithLogin({
      login,
      build(credentials) {
        sent = { target: candidate.target, flow, seq: seq++, credentials }
        return options.build(sent)
      },
      send(request, transactionHandlers) {
        if (transaction) ringing.delete(transaction)
        transaction = agent.request(request, flow, transactionHandlers)
        ringing.add(transaction)
      },
      wanted: () => !over && !left,
      handlers: {
        onResponse(response) {
          clearTimeout(silence)
          const { status } = response
          if (status < 200) return handlers.onProvisional(response, sent)
          if (status < 300) {
            if (transaction) ringing.delete(transaction)
            finished = true
            return handlers.onSuccess(response, sent)
          }
          if (status < 400) return void follow(response)
          if (status === 422 && options.onTooSmall(response)) {
            return goOn([{ ...candidate, ways: [way, ...ways] }, ...others], status, response)
          }
          // RFC 3263 §4.3: of the failures only this one is about the server, not about whom it serves.
          goOn(status === 503 ? rest : status >= 600 ? [] : others, status, response)
        },
        onFailure: (status) => goOn(rest, status),
      },
    })

    async function follow(response: SipResponse) {
      const contacts = nameAddrList(response, 'contact')
        .sort((a, b) => Number(b.params.get('q') ?? 1) - Number(a.params.get('q') ?? 1))
        .map(({ uri }) => uri)
        .filter((uri) => !called.has(formatUri(uri))) // §8.1.3.4: never the same twice
      const allowed = over ? [] : await options.redirected(contacts, candidate).catch(() => [])
      const fresh = allowed.slice(0, MAX_REDIRECTS - redirects)
      redirects += fresh.length
      for (const { target } of fresh) called.add(formatUri(target))
      goOn([...fresh, ...others], response.status, response)
    }
  }

  for (const candidate of options.candidates) branch([candidate], 1)
  return { cancel }
}

const NO_LONGER_WANTED = 'SIP;cause=408;text="No answer in time"'
const DECLINED_ELSEWHERE = 'SIP;cause=600;text="Busy everywhere"'
/** RFC 3326 §2: phones do not show such a call as missed. */
export const ANSWERED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

/** The smaller, the more an answer says of whom was called (§16.7 step 6 leaves the choice within a class to us). */
function rank(status: number): number {
  if (status >= 600) return 0
  if (status === 486) return 1
  if (status === 408 || status === 481 || status === 487) return 5
  if (status < 400) return 3
  return status < 500 ? 2 : 4
}
