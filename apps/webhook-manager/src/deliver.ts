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
export class NotAccepted extends Error {
  override readonly name = 'NotAccepted'
}

const timeoutMs = 10_000
const maxAnswerBytes = 64 * 1024

/** Sends one signed request; anything but 2xx is a failure, and redirects are not followed. */
export async function deliver(
  outbound: Outbound,
  { id, uri, method, contentType, body, secret }: Delivery,
): Promise<void> {
  const { status } = await outbound.fetch(uri, {
    method,
    headers: { 'content-type': contentType, ...signatureHeaders({ secret, id, body }) },
    ...(method !== 'GET' && { body }),
    timeoutMs,
    maxBytes: maxAnswerBytes,
    maxRedirects: 0,
  })
  if (status < 200 || status > 299) throw new NotAccepted(`the receiver answered ${status}`)
}
