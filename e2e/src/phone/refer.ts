import type { Leg } from './call.ts'
import { type Dialog, dialogRequest, nextHop } from './dialog.ts'
import { type Header, header, param, type SipRequest } from './sip-message.ts'

/** A transfer that we asked the other side for (RFC 3515). */
export type Referral = {
  /** 202 when it is tried, else why it is not. */
  status: number
  /** The statuses that it told of so far, and whether there will be more. */
  progress: number[]
  subscription: string
  /** The last status that it told of. */
  done: Promise<number>
}

/** The REFERs of one call. */
export function referrals(leg: () => Leg['leg']) {
  const open: { referral: Referral; tell: (status: number) => void }[] = []

  async function refer(to: string, headers: Header[] = []): Promise<Referral> {
    const { line, dialog } = leg()
    const told = Promise.withResolvers<number>()
    const referral: Referral = { status: 0, progress: [], subscription: '', done: told.promise }
    open.push({ referral, tell: told.resolve })
    const own: Header[] = [['Contact', line.contact], ['Refer-To', `<${to}>`], ...headers]
    const response = await line.exchange(
      () => dialogRequest(dialog, 'REFER', { headers: own }),
      nextHop(dialog, line.server),
    )
    referral.status = response.status
    return referral
  }

  /** A NOTIFY about the newest of them (RFC 3515 2.4.4). */
  function notified(message: SipRequest): number {
    const latest = open.at(-1)
    if (header(message, 'event')?.split(';')[0] !== 'refer' || !latest) return 481
    const status = Number(/^SIP\/2\.0 (\d{3})/.exec(message.body)?.[1] ?? 0)
    if (status > 0) latest.referral.progress.push(status)
    const state = header(message, 'subscription-state') ?? ''
    latest.referral.subscription = state
    if (state.startsWith('terminated')) latest.tell(status)
    return 200
  }

  return { refer, notified }
}

/** How an INVITE that takes the place of this dialog names it (RFC 3891), as a URI header: for an attended transfer. */
export function replacesHeader(dialog: Dialog): string {
  const tags = `to-tag=${param(dialog.remote, 'tag')};from-tag=${param(dialog.local, 'tag')}`
  return `Replaces=${encodeURIComponent(`${dialog.callId};${tags}`)}`
}
