import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

/** What signs, made once for many requests: from bytes, Node makes a key for each text. */
export interface Secret {
  standard: KeyObject
  voipbin: KeyObject
}

/** From `whsec_<base64>`. */
export const secretFrom = (text: string): Secret => ({
  standard: createSecretKey(Buffer.from(text.slice(prefix.length), 'base64')),
  voipbin: createSecretKey(Buffer.from(text)),
})

/**
 * The headers of Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec, "Webhook Metadata" and "Signature
 * scheme"): receivers check them with any of its libraries, and accept when one of the signatures fits.
 * `x-voipbin-signature` is what receivers made for VoIPBIN check; it says nothing about time.
 */
export function signatureHeaders({
  secrets,
  id,
  body,
  time = new Date(),
}: {
  /** The newest first. */
  secrets: Secret[]
  id: string
  body: string
  time?: Date
}): Record<string, string> {
  const timestamp = String(Math.floor(time.getTime() / 1000))
  const hmac = (key: KeyObject, text: string) => createHmac('sha256', key).update(text)
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets
      .map(({ standard }) => `v1,${hmac(standard, `${id}.${timestamp}.${body}`).digest('base64')}`)
      .join(' '),
    'x-voipbin-signature': `sha256=${hmac(secrets[0]!.voipbin, body).digest('hex')}`,
  }
}

const prefix = 'whsec_'
