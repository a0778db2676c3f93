import { randomFillSync } from 'node:crypto'

const allowed = /^[A-Za-z0-9_-]{1,64}$/
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const length = 26
/** Asking for random bytes costs more than having them: many ids' worth at a time. */
const random = Buffer.alloc(length * 256)
let unused = 0

/** The caller's `X-Request-Id` when it is usable, else a new one. */
export function requestIdOf(header: string | undefined): string {
  if (header && allowed.test(header)) return header
  let id = 'req_'
  if (unused === 0) unused = randomFillSync(random).length
  for (let end = unused - length; unused > end; ) id += alphabet[random[--unused]! & 31]
  return id
}
