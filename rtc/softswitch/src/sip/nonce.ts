import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

type NonceVerdict = 'fresh' | 'stale' | 'forged'

/** Nonces that need no table: time and salt under an HMAC. Only those in use are remembered, for their nonce count. */
export interface NonceIssuer {
  issue(): string
  /** Checks age and origin, and that `nc` is higher than any seen with this nonce (RFC 7616 §3.4, replay). */
  check(nonce: string, nc: string | undefined): NonceVerdict
}

export const NONCE_TTL_MS = 300_000

const KNOWN_LIMIT = 50_000

export function createNonceIssuer(now: () => number = Date.now, secret: Buffer = randomBytes(32)): NonceIssuer {
  const counts = new Map<string, number>()
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest('hex').slice(0, 32)

  return {
    issue() {
      const text = now().toString(16).padStart(12, '0') + randomBytes(6).toString('hex')
      return text + sign(text)
    },
    check(nonce, nc) {
      const text = nonce.slice(0, 24)
      const given = Buffer.from(nonce.slice(24))
      const expected = Buffer.from(sign(text))
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'forged'
      const age = now() - Number.parseInt(text.slice(0, 12), 16)
      if (age > NONCE_TTL_MS) return 'stale'
      // Without qop there is no count, so such a nonce serves once.
      const count = nc === undefined ? 1 : Number.parseInt(nc, 16)
      if (count <= (counts.get(nonce) ?? 0)) return 'stale'
      counts.delete(nonce)
      counts.set(nonce, count)
      // Oldest first: a nonce that falls out could be replayed until it expires, so this is far above real use.
      if (counts.size > KNOWN_LIMIT) counts.delete(counts.keys().next().value!)
      return 'fresh'
    },
  }
}
