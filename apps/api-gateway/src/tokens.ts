import { commonError } from '@sidetone/contract'
import { jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

/** What a token says; whether it still holds is looked up. */
const Claims = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['agent', 'delegate']), jti: z.uuid() }),
  z.object({ type: z.literal('direct'), direct_hash: z.string() }),
])
type Claims = z.infer<typeof Claims>

/** Signs and reads the platform's tokens (RFC 7519). */
export interface Tokens {
  /** `expire` is RFC 3339. */
  sign: (claims: Claims, expire: string) => Promise<string>
  /** Rejects with INVALID_CREDENTIALS what is forged, expired or no token. */
  read: (token: string) => Promise<Claims>
}

const audience = 'sidetone'
const algorithm = 'HS256'

export const createTokens = (key: Uint8Array): Tokens => ({
  sign: (claims, expire) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm })
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(new Date(expire))
      .sign(key),
  async read(token) {
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: [algorithm], audience })
      return Claims.parse(payload)
    } catch (cause) {
      throw commonError('INVALID_CREDENTIALS', { cause })
    }
  },
})
