import { randomBytes } from 'node:crypto'

const allowed = /^[A-Za-z0-9_-]{1,64}$/
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** The caller's `X-Request-Id` when it is usable, else a new one. */
export function requestIdOf(header: string | undefined): string {
  if (header && allowed.test(header)) return header
  let id = 'req_'
  for (const byte of randomBytes(26)) id += alphabet[byte & 31]
  return id
}
