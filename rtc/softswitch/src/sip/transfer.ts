import { requestWithLogin } from './answer-challenge.ts'
import { dialogRequest } from './dialog.ts'
import { notification, readReferTo } from './refer.ts'
import type { ServerTransaction } from './server-transaction.ts'
import type { Session } from './session.ts'
import type { LegEvents } from './sip-leg.ts'
import type { UserAgent } from './user-agent.ts'

/** Takes REFER in one dialog, and tells by NOTIFY what becomes of it (RFC 3515). */
export function createTransfer({ agent, session, events }: { agent: UserAgent; session: Session; events: LegEvents }) {
  /** The id of the subscription that is open, if one is. */
  let open: { id: number | undefined } | undefined
  let isFirst = true

  return {
    receive(transaction: ServerTransaction) {
      const { request } = transaction
      const target = readReferTo(request)
      if (!target) return transaction.respond(400)
      if (!events.onRefer) return transaction.respond(603)
      if (open) return transaction.respond(491) // one transfer at a time
      open = { id: isFirst ? undefined : request.cseq.number }
      isFirst = false
      transaction.respond(202, { headers: [['contact', agent.contact(transaction.flow)]] })
      events.onRefer(target)
    },
    tell(status: number): boolean {
      const { dialog, login, ended } = session
      if (!open || !dialog || ended) return false
      const { headers, body } = notification(status, open.id)
      if (status >= 200) open = undefined
      requestWithLogin({
        login,
        build: (credentials) =>
          dialogRequest(dialog, 'NOTIFY', {
            headers: [['contact', agent.contact(dialog.flow)], ...headers, ...credentials],
            body,
          }),
        send: (built, handlers) => agent.requestInDialog(dialog, built, handlers),
        wanted: () => true,
        handlers: { onResponse() {}, onFailure() {} }, // who does not want to know need not
      })
      return true
    },
  }
}
