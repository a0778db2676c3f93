import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A random token of this many bytes in base64url, after the prefix. */
export function randomToken(bytes: number, prefix = ''): string {
  return prefix + randomBytes(bytes).toString('base64url')
}

/** The SHA-256 of a text in lower-case hex: how tokens with enough randomness of their own are stored. */
export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Whether two texts are equal, in a time that tells nothing about where they differ, nor of their lengths. */
export function safeEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
