import type { Outbound } from '@sidetone/outbound'
import { type Secret, signatureHeaders } from './sign.ts'

export type Method = 'POST' | 'GET' | 'PUT' | 'DELETE'

export interface Request {
  /** The same on every attempt. */
  id: string
  uri: string
  method: Method
  contentType: string
  body: string
  /** Each signs; the newest first. */
  secrets: Secret[]
}

/** `status_code` is 0 when there was no answer; `error` is empty when it was accepted. */
export interface Answer {
  status_code: number
  error: string
}

const timeoutMs = 10_000
/** Enough for any page that a web server answers with; what matters is its status. */
const maxAnswerBytes = 5 * 1024 * 1024

/** Sends one signed request; anything but 2xx is a refusal, and redirects are not followed. */
export async function deliver(
  outbound: Outbound,
  { id, uri, method, contentType, body: given, secrets }: Request,
): Promise<Answer> {
  // What is signed is what is sent.
  const body = method === 'GET' ? '' : given
  try {
    const { status } = await outbound.fetch(uri, {
      method,
      headers: { 'content-type': contentType, ...signatureHeaders({ secrets, id, body }) },
      ...(body && { body }),
      timeoutMs,
      maxBytes: maxAnswerBytes,
      maxRedirects: 0,
    })
    const accepted = status >= 200 && status <= 299
    return { status_code: status, error: accepted ? '' : `the receiver answered ${status}` }
  } catch (error) {
    return { status_code: 0, error: (error as Error).message }
  }
}
