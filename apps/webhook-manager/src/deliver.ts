import type { Outbound } from '@sidetone/outbound'
import { signatureHeaders } from './sign.ts'

export type Method = 'POST' | 'GET' | 'PUT' | 'DELETE'

export interface Delivery {
  /** The same on every attempt. */
  id: string
  uri: string
  method: Method
  contentType: string
  body: string
  secret: string
}

/** The receiver did not take it. */
class NotAccepted extends Error {
  override readonly name = 'NotAccepted'
}

const timeoutMs = 10_000
/** Enough for any page that a web server answers with; what matters is its status. */
const maxAnswerBytes = 5 * 1024 * 1024

/** Sends one signed request; anything but 2xx is a failure, and redirects are not followed. */
export async function deliver(
  outbound: Outbound,
  { id, uri, method, contentType, body: given, secret }: Delivery,
): Promise<void> {
  // What is signed is what is sent.
  const body = method === 'GET' ? '' : given
  const { status } = await outbound.fetch(uri, {
    method,
    headers: { 'content-type': contentType, ...signatureHeaders({ secret, id, body }) },
    ...(body && { body }),
    timeoutMs,
    maxBytes: maxAnswerBytes,
    maxRedirects: 0,
  })
  if (status < 200 || status > 299) throw new NotAccepted(`the receiver answered ${status}`)
}
