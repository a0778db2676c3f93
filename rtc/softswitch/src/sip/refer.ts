import { type Headers, headerList, type SipRequest } from './message.ts'
import { parseNameAddr } from './name-addr.ts'
import { reasonPhrase } from './response.ts'
import { uriHeaders } from './uri.ts'

/** A dialog as a Replaces header names it to whoever holds it (RFC 3891 §3): `toTag` is the tag of the one who reads it. */
export interface Replaces {
  callId: string
  toTag: string
  fromTag: string
}

/** What a peer asks us to do with its call (RFC 3515): to call somebody, perhaps in place of another call (RFC 3891). */
export interface ReferTo {
  user: string
  replaces: Replaces | undefined
}

/** Whom a REFER names; `null` when it is not one SIP URI that has a user. */
export function readReferTo(request: SipRequest): ReferTo | null {
  const values = headerList(request, 'refer-to')
  const target = values.length === 1 ? parseNameAddr(values[0]!) : null
  if (!target || target.uri.scheme === 'tel' || target.uri.user === '') return null
  const text = uriHeaders(values[0]!).get('replaces')
  if (text === undefined) return { user: target.uri.user, replaces: undefined }
  const replaces = parseReplaces(text)
  return replaces && { user: target.uri.user, replaces }
}

function parseReplaces(text: string): Replaces | null {
  const [callId = '', ...params] = text.split(';')
  const tag = (name: string) =>
    params
      .map((param) => param.trim())
      .find((param) => param.toLowerCase().startsWith(`${name}=`))
      ?.slice(name.length + 1)
  const [toTag, fromTag] = [tag('to-tag'), tag('from-tag')]
  return callId === '' || toTag === undefined || fromTag === undefined ? null : { callId, toTag, fromTag }
}

/** How long the peer waits for news of its transfer; nobody renews it. */
const SUBSCRIPTION_SECONDS = 600

/**
 * The subscription that a REFER makes (RFC 3515 §2.4.4). `id` tells it from earlier ones of the dialog (§2.4.6); a final
 * status ends it.
 */
export function notification(status: number, id: number | undefined): { headers: Headers; body: Buffer } {
  const state = status < 200 ? `active;expires=${SUBSCRIPTION_SECONDS}` : 'terminated;reason=noresource'
  return {
    headers: [
      ['event', id === undefined ? 'refer' : `refer;id=${id}`],
      ['subscription-state', state],
      ['content-type', 'message/sipfrag;version=2.0'],
    ],
    body: Buffer.from(`SIP/2.0 ${status} ${reasonPhrase(status)}\r\n`),
  }
}
