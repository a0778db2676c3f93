import { decodeJwt } from 'jose'

const attributes = 'Path=/; HttpOnly; Secure; SameSite=Strict'

/** What makes a browser keep a token of ours for as long as it works, or forget the one it has (RFC 6265 section 4.1). */
export function tokenCookie({ token }: { token?: string }): string {
  if (token === undefined) return `token=; Max-Age=0; ${attributes}`
  return `token=${token}; Expires=${new Date(decodeJwt(token).exp! * 1_000).toUTCString()}; ${attributes}`
}
