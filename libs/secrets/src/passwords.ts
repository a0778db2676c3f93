import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

// OWASP's second scrypt profile: 32 MiB and about 0.1 s each, which two at a time can bear.
const cost = { log2N: 15, r: 8, p: 3 }
const [saltBytes, hashBytes] = [16, 32]
const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]{22})\$([\w+/]{43})$/

/** More passwords wait than can be checked in good time. */
export class PasswordsBusy extends Error {
  override name = 'PasswordsBusy'
}

/** A hash for storing, its parameters included: `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await derive(password, salt, cost)
  return `$scrypt$ln=${cost.log2N},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`
}

/** Whether the password is the hashed one. With `undefined` (no such account) it takes the same time and is false. */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  if (stored === undefined) {
    await derive(password, Buffer.alloc(saltBytes), cost)
    return false
  }
  const [, log2N, r, p, salt, hash] = form.exec(stored) ?? []
  if (hash === undefined) throw new TypeError('the stored password is no scrypt hash')
  const derived = await derive(password, Buffer.from(salt!, 'base64'), {
    log2N: Number(log2N),
    r: Number(r),
    p: Number(p),
  })
  return timingSafeEqual(derived, Buffer.from(hash, 'base64'))
}

// Node's pool has four threads for files, names and crypto: passwords get half of them, and the memory of two.
const atOnce = 2
const mostWaiting = 100
let running = 0
const waiting: (() => void)[] = []

async function derive(password: string, salt: Buffer, { log2N, r, p }: typeof cost): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** log2N, r, p, maxmem: 256 * r * (2 ** log2N + p + 2) }
  if (waiting.length >= mostWaiting)
    throw new PasswordsBusy('too many passwords are being checked; try again in a moment')
  if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
  else running++
  try {
    return await new Promise((resolve, reject) =>
      // NFC, so that a password typed on another keyboard stays the same (RFC 8265 4.2.2).
      scrypt(password.normalize('NFC'), salt, hashBytes, options, (error, key) =>
        error ? reject(error) : resolve(key),
      ),
    )
  } finally {
    const next = waiting.shift()
    // The place goes to the next one; it is given back only when nobody waits.
    if (next) next()
    else running--
  }
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
