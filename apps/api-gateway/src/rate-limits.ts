import type { Cache, RateLimit, RateLimiter } from '@sidetone/cache'
import { commonError, type Identity } from '@sidetone/contract'
import type { Context } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

/** Requests per ten seconds, RATE_LIMIT_AUTH per minute; 0 means no limit. */
export interface RateLimitSettings {
  RATE_LIMIT_IP: number
  RATE_LIMIT_AUTH: number
  RATE_LIMIT_CUSTOMER: number
}

export interface RateLimits {
  /** Every request, by the address it comes from. */
  byAddress: (c: Context<GatewayEnv>) => Promise<void>
  /** Requests of the outside that work without credentials: where passwords are guessed. */
  byAddressUnauthenticated: (c: Context<GatewayEnv>) => Promise<void>
  /** All of a customer's requests together. */
  byCustomer: (c: Context<GatewayEnv>, identity: Identity) => Promise<void>
}

const windowSeconds = 10
/** Passwords are guessed patiently, so these are counted longer. */
const authWindowSeconds = 60

export function createRateLimits(cache: Cache, settings: RateLimitSettings): RateLimits {
  const limiter = (name: string, points: number, durationSeconds = windowSeconds): RateLimiter | undefined =>
    points === 0 ? undefined : cache.rateLimiter({ name: `http-${name}`, points, durationSeconds })
  const ip = limiter('ip', settings.RATE_LIMIT_IP)
  const auth = limiter('auth', settings.RATE_LIMIT_AUTH, authWindowSeconds)
  const customer = limiter('customer', settings.RATE_LIMIT_CUSTOMER)

  return {
    byAddress: async (c) => ip && enforce(c, 'ip', await ip(addressOf(c))),
    byAddressUnauthenticated: async (c) => auth && enforce(c, 'ip', await auth(addressOf(c))),
    byCustomer: async (c, { customer_id }) => customer && enforce(c, 'customer', await customer(customer_id)),
  }
}

/** The peer's address. `X-Forwarded-For` is not believed: anyone can send it. */
export const addressOf = (c: Context<GatewayEnv>): string => c.env.incoming?.socket.remoteAddress ?? 'unknown'

function enforce(
  c: Context<GatewayEnv>,
  limited_by: 'ip' | 'customer',
  { allowed, limit, remaining, resetSeconds, retryAfterSeconds }: RateLimit,
): void {
  const { headers } = c.env
  headers['RateLimit-Limit'] = String(limit)
  headers['RateLimit-Remaining'] = String(Math.max(0, remaining))
  headers['RateLimit-Reset'] = String(resetSeconds)
  if (allowed) return
  throw commonError('RATE_LIMIT_EXCEEDED', {
    message: `Too many requests from this ${limited_by === 'ip' ? 'address' : 'customer'}; try again in ${retryAfterSeconds} s.`,
    details: [{ limited_by, retry_after: Math.max(1, retryAfterSeconds) }],
  })
}
