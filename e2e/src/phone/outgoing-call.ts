import { acknowledge, type Line, openLeg, reasonOf, SipFailure } from './call.ts'
import { type Dialog, dialogRequest, learnRemote } from './dialog.ts'
import { parseSdp } from './sdp.ts'
import { type Header, headerList, needed, type SipRequest, type SipResponse } from './sip-message.ts'

export type OutgoingOptions = {
  headers?: Record<string, string> | undefined
  /** `late` sends no SDP in the INVITE: they offer in the 200 and we answer in the ACK (RFC 3264 with RFC 3261 13.2.1). */
  offer?: 'early' | 'late' | undefined
}

/** Sends the INVITE of a call; the call is returned at once, before anything is known about its fate. */
export async function placeCall(line: Line, dialog: Dialog, { headers = {}, offer = 'early' }: OutgoingOptions) {
  const { leg, call } = await openLeg(line, dialog, line.transactions.host)
  let invite!: SipRequest
  let cancelled = false
  const firstResponse = Promise.withResolvers<void>()

  const sdp = leg.localSdp()
  const extra: Header[] = [
    ['Contact', line.contact],
    ['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE'],
    ...Object.entries(headers),
  ]
  const make = () => {
    invite = dialogRequest(
      dialog,
      'INVITE',
      offer === 'late' ? { headers: extra } : { headers: [...extra, ['Content-Type', 'application/sdp']], body: sdp },
    )
    return invite
  }

  const onProvisional = (response: SipResponse) => {
    leg.status = response.status
    leg.progress.push(response.status)
    firstResponse.resolve()
    const early = offer === 'early' ? parseSdp(response.body) : undefined
    if (early) leg.applyRemote(early)
  }

  const onAnswer = async (response: SipResponse) => {
    learnRemote(dialog, response)
    const theirs = parseSdp(response.body)
    const answer = offer === 'late' ? leg.answerOffer(response.body) : undefined
    acknowledge(leg, invite, answer)
    if (cancelled) return leg.bye() // our CANCEL and their 200 crossed (15)
    if (offer === 'early' && theirs) leg.applyRemote(theirs)
    if (!theirs || !leg.remote) {
      leg.answered.reject(new Error('the 200 has no audio that we can use'))
      return leg.bye()
    }
    leg.state = 'confirmed'
    leg.answered.resolve()
  }

  const run = async () => {
    const response = await line.exchange(make, line.server, onProvisional)
    leg.status = response.status
    firstResponse.resolve()
    if (response.status < 300) return onAnswer(response)
    leg.answered.reject(new SipFailure('the call was not answered', response))
    leg.end({ by: cancelled ? 'us' : 'them', status: response.status, ...reasonOf(response) })
  }

  /** 9.1: a CANCEL repeats the INVITE's Via, numbers and route, and waits for a first response. */
  const cancel = async () => {
    cancelled = true
    await firstResponse.promise
    if (leg.state !== 'early') return
    const same = invite.headers.filter(([name]) => ['Max-Forwards', 'Route', 'From', 'To', 'Call-ID'].includes(name))
    const cseq: Header = ['CSeq', `${needed(invite, 'cseq').split(' ')[0]} CANCEL`]
    await line.transactions.request(
      {
        kind: 'request',
        method: 'CANCEL',
        uri: invite.uri,
        headers: [['Via', headerList(invite, 'via')[0]!], ...same, cseq],
        body: '',
      },
      line.server,
    )
    await leg.ended
  }

  run().catch((error: unknown) => {
    leg.answered.reject(error)
    leg.end({ by: 'us' })
  })
  return { leg, call: call(invite, cancel) }
}
