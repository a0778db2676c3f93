import { Webhook } from 'standardwebhooks'

/** The headers of Standard Webhooks: receivers check them with any of its libraries. */
export function signatureHeaders({
  secret,
  id,
  body,
  time = new Date(),
}: {
  secret: string
  id: string
  body: string
  time?: Date
}): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(time.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, time, body),
  }
}
