import { type Dialog, dialogRequest } from './dialog.ts'
import { header, headerList, type SipResponse } from './message.ts'
import type { UserAgent } from './user-agent.ts'

/** Acknowledges the reliable provisional responses to one INVITE (RFC 3262 §4), in each of its early dialogs. */
export function createPrack(agent: UserAgent) {
  const early = new Map<string, { dialog: Dialog; rseq: number | undefined }>()

  return {
    /** The dialog of a To tag: the newest that is known of it, with the numbers of requests that it has already seen. */
    dialogOf(tag: string, dialog: Dialog): Dialog {
      const known = early.get(tag)
      if (known) {
        dialog.localSeq = Math.max(dialog.localSeq, known.dialog.localSeq)
        dialog.remoteSeq = known.dialog.remoteSeq
        Object.assign(known.dialog, dialog)
        return known.dialog
      }
      early.set(tag, { dialog, rseq: undefined })
      return dialog
    },
    /** False for a response to pass over: a repeated one, or one that came before its predecessor. */
    prack(response: SipResponse, dialog: Dialog): boolean {
      const required = headerList(response, 'require').some((one) => one.toLowerCase() === '100rel')
      const rseq = Number(header(response, 'rseq'))
      if (!required || !Number.isInteger(rseq)) return true
      const known = early.get(dialog.remoteTag)!
      if (known.rseq !== undefined && rseq !== known.rseq + 1) return false
      known.rseq = rseq
      const { cseq } = response
      const headers: [string, string][] = [['rack', `${rseq} ${cseq.number} INVITE`]]
      agent.requestInDialog(dialog, dialogRequest(dialog, 'PRACK', { headers }), { onResponse() {}, onFailure() {} })
      return true
    },
  }
}
