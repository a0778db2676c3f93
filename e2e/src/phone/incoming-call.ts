import { type Call, type Line, openLeg, reasonOf } from './call.ts'
import { dialogOfRequest } from './dialog.ts'
import { parseSdp } from './sdp.ts'
import { type Header, needed, param, responseTo, type SipRequest } from './sip-message.ts'

export type IncomingCall = Call & {
  /** 180, or 183 with our SDP when there is early media to send. */
  ring(options?: { earlyMedia?: boolean }): void
  /** 200; resolves when the ACK has come. */
  answer(): Promise<void>
  reject(status: number, options?: { headers?: Record<string, string> }): void
}

/** An INVITE from outside any dialog becomes a call that waits for ring, answer or reject. */
export async function receiveCall(line: Line, invite: SipRequest) {
  const dialog = dialogOfRequest(invite)
  const tag = param(dialog.local, 'tag')!
  const { leg, call } = await openLeg(line, dialog, line.transactions.host)
  leg.unacknowledged.set(Number(needed(invite, 'cseq').split(' ')[0]), invite)
  let answer: string | undefined

  const respond = (status: number, extra: Header[] = [], body = '') => {
    leg.status = status
    line.transactions.respond(invite, responseTo(invite, status, tag, extra, body), () => void leg.bye())
  }
  const withSdp = (): [Header[], string] => {
    answer ??= invite.body === '' ? leg.localSdp() : leg.answerOffer(invite.body)!
    const headers: Header[] = [
      ['Contact', line.contact],
      ['Content-Type', 'application/sdp'],
    ]
    return [headers, answer]
  }
  const refuse = (status: number, by: 'us' | 'them', extra: Header[] = [], because = {}) => {
    respond(status, extra)
    leg.answered.reject(new Error(`the call was not answered: ${status}`))
    leg.end({ by, status, ...because })
  }
  const mustBeEarly = () => {
    if (leg.state !== 'early') throw new Error(`the call is ${leg.state}: it cannot be answered or refused any more`)
  }

  const incoming: IncomingCall = Object.defineProperties(
    {
      ring({ earlyMedia = false } = {}) {
        mustBeEarly()
        if (earlyMedia) respond(183, ...withSdp())
        else respond(180, [['Contact', line.contact]])
        leg.progress.push(leg.status!)
      },
      async answer() {
        mustBeEarly()
        respond(200, ...withSdp())
        leg.state = 'confirmed'
        await leg.answered.promise
      },
      reject(status: number, { headers = {} } = {}) {
        mustBeEarly()
        refuse(status, 'us', Object.entries(headers))
      },
    } as IncomingCall,
    Object.getOwnPropertyDescriptors(call(invite, async () => refuse(603, 'us'))),
  )

  return {
    leg,
    call: incoming,
    /** Early refusal: nothing in the offer that we can speak. */
    usable:
      invite.body === '' ||
      [...(parseSdp(invite.body)?.codecs.values() ?? [])].some((codec) => line.codecs.includes(codec)),
    onCancel(cancel: SipRequest) {
      line.transactions.respond(cancel, responseTo(cancel, 200, tag))
      if (leg.state === 'early') refuse(487, 'them', [], reasonOf(cancel))
    },
  }
}
