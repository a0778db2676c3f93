import { createHmac, timingSafeEqual } from 'node:crypto'

/** How far a signature's time may be from ours, so that an old request cannot be sent again. */
const toleranceSeconds = 300

interface Scheme {
  /** Names of the parts of the header, and what stands between time and body in what is signed. */
  time: string
  signature: string
  between: string
  separator: string
}

/** https://developer.paddle.com/webhooks/signature-verification: `ts=…;h1=…` over `ts:body`. */
export const paddleScheme: Scheme = { time: 'ts', signature: 'h1', between: ':', separator: ';' }

/** https://docs.stripe.com/webhooks/signature: `t=…,v1=…,v1=…` over `t.body`; several while the secret is being changed. */
export const stripeScheme: Scheme = { time: 't', signature: 'v1', between: '.', separator: ',' }

interface Signed {
  header: string | undefined
  body: string
  secret: string
}

/** Whether whoever knows the secret has signed exactly this body, a moment ago. */
export function isSigned(scheme: Scheme, { header = '', body, secret }: Signed, nowMs = Date.now()): boolean {
  const parts = header.split(scheme.separator).map((part) => part.trim().split('=', 2) as [string, string?])
  const valuesOf = (name: string) => parts.flatMap(([key, value]) => (key === name && value ? [value] : []))
  const [time] = valuesOf(scheme.time)
  if (!time || !/^[0-9]{1,12}$/.test(time)) return false
  if (Math.abs(nowMs / 1_000 - Number(time)) > toleranceSeconds) return false
  const right = createHmac('sha256', secret).update(`${time}${scheme.between}${body}`).digest()
  return valuesOf(scheme.signature).some((value) => {
    const given = Buffer.from(value, 'hex')
    return given.length === right.length && timingSafeEqual(given, right)
  })
}
