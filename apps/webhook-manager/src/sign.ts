import { createHmac } from 'node:crypto'

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
  /** `whsec_<base64>`, the newest first. */
  secrets: string[]
  id: string
  body: string
  time?: Date
}): Record<string, string> {
  const timestamp = String(Math.floor(time.getTime() / 1000))
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text)
  const keyOf = (secret: string) => Buffer.from(secret.slice(prefix.length), 'base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets
      .map((secret) => `v1,${hmac(keyOf(secret), `${id}.${timestamp}.${body}`).digest('base64')}`)
      .join(' '),
    'x-voipbin-signature': `sha256=${hmac(secrets[0]!, body).digest('hex')}`,
  }
}

const prefix = 'whsec_'
