import { randomBytes, scryptSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createSecrets,
  digestHa1,
  hashPassword,
  PasswordsBusy,
  parseKeys,
  randomToken,
  SecretUnreadable,
  safeEqual,
  sha256Hex,
  verifyPassword,
} from './index.ts'

const someKey = () => randomBytes(32).toString('base64')

describe('encryption', () => {
  const [k1, k2] = [someKey(), someKey()]
  const secrets = createSecrets({ keys: { k1 }, current: 'k1' })

  test('brings back any text in its own context', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
        expect(secrets.decrypt(secrets.encrypt(plain, context), context)).toBe(plain)
      }),
    )
  })

  test('never writes the same text twice, nor the text itself', () => {
    const texts = Array.from({ length: 100 }, () => secrets.encrypt('pass1000', 'c'))
    expect(new Set(texts).size).toBe(100)
    expect(texts[0]).toMatch(/^v1\.k1\.[\w-]{16}\.[\w-]+\.[\w-]{22}$/)
    expect(Buffer.from(texts[0]!.split('.')[3]!, 'base64url').toString()).not.toContain('pass')
  })

  test('refuses another context', () => {
    const text = secrets.encrypt('pass1000', 'extension:1:password')
    expect(() => secrets.decrypt(text, 'extension:2:password')).toThrow(SecretUnreadable)
  })

  test('refuses a text in which any one character was changed', () => {
    const text = secrets.encrypt('pass1000', 'c')
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'ABCXYZabcxyz0189-_.'), (at, character) => {
        fc.pre(text[at] !== character)
        expect(() => secrets.decrypt(text.slice(0, at) + character + text.slice(at + 1), 'c')).toThrow(SecretUnreadable)
      }),
      { numRuns: 1000 },
    )
  })

  test('refuses what was never encrypted', () => {
    for (const text of ['', 'pass1000', 'v1.k1...', `v2${secrets.encrypt('x', 'c').slice(2)}`]) {
      expect(() => secrets.decrypt(text, 'c')).toThrow(/no encrypted text/)
    }
  })

  test('reads old keys, writes the current one, and tells which texts are to be written anew', () => {
    const rotated = createSecrets({ keys: { k2, k1 }, current: 'k2' })
    const old = secrets.encrypt('pass1000', 'c')
    expect(rotated.decrypt(old, 'c')).toBe('pass1000')
    expect(rotated.needsRotation(old)).toBe(true)
    expect(rotated.needsRotation(rotated.encrypt('pass1000', 'c'))).toBe(false)
    expect(() => secrets.decrypt(rotated.encrypt('x', 'c'), 'c')).toThrow(
      /'k2' is not among the keys of this process \(k1\)/,
    )
  })

  test('refuses a text under the id of another key, even where that key is the same', () => {
    const twins = createSecrets({ keys: { k1, k3: k1 }, current: 'k1' })
    expect(() => twins.decrypt(twins.encrypt('x', 'c').replace('v1.k1.', 'v1.k3.'), 'c')).toThrow(SecretUnreadable)
  })

  test('keys come from one setting, the first of which encrypts', () => {
    expect(parseKeys(`k2:${k2}, k1:${k1}`)).toEqual({ keys: { k1, k2 }, current: 'k2' })
  })

  test('a setting that cannot be read is named, and never shown', () => {
    const short = randomBytes(16).toString('base64')
    for (const setting of [
      '',
      k1,
      `k1:${short}`,
      `k1:${k1},`,
      `k1:${k1},k1:${k2}`,
      `k 1:${k1}`,
      `k1:${k1}:x`,
      `k1:!${k1}`,
    ]) {
      const read = () => createSecrets(parseKeys(setting))
      expect(read).toThrow(/^ENCRYPTION_KEYS/)
      expect(read).not.toThrow(k1)
      expect(read).not.toThrow(short)
    }
    expect(() => createSecrets({ keys: { k1 }, current: 'k9' })).toThrow(/no key 'k9'/)
  })
})

describe('passwords', () => {
  test('are verified against their hash, whatever its parameters', async () => {
    const hash = await hashPassword('pass é')
    expect(hash).toMatch(/^\$scrypt\$ln=\d+,r=\d+,p=\d+\$/)
    expect(await verifyPassword('pass é', hash)).toBe(true)
    expect(await verifyPassword('pass e\u0301', hash)).toBe(true)
    expect(await verifyPassword('pass e', hash)).toBe(false)
    expect(await hashPassword('pass é')).not.toBe(hash)
    const salt = randomBytes(16)
    const cheap = scryptSync('pass', salt, 32, { N: 1024, r: 4, p: 2 })
    const stored = [salt, cheap].map((part) => part.toString('base64').replaceAll('=', '')).join('$')
    expect(await verifyPassword('pass', `$scrypt$ln=10,r=4,p=2$${stored}`)).toBe(true)
    expect(await verifyPassword('pass', `$scrypt$ln=10,r=4,p=3$${stored}`)).toBe(false)
  })

  test('of nobody are false', async () => {
    expect(await verifyPassword('', undefined)).toBe(false)
  })

  test('that were stored in another form are an error, not a refusal', async () => {
    await expect(verifyPassword('x', 'plain')).rejects.toThrow(/no scrypt hash/)
  })

  test('in a flood are turned away, and then served again', async () => {
    const weak = '$scrypt$ln=1,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => verifyPassword('x', weak)))
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(98)
    expect(refused.every(({ reason }) => reason instanceof PasswordsBusy)).toBe(true)
    expect(await verifyPassword('x', weak)).toBe(false)
  })
})

test('HA1 is that of RFC 7616 3.9.1', () => {
  const ha1 = digestHa1({ username: 'Mufasa', realm: 'http-auth@example.org', password: 'Circle of Life' })
  // The example gives the response; these are the steps after HA1.
  const response = (hash: (text: string) => string, secret: string) =>
    hash(
      `${secret}:7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v:00000001:f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ:auth:${hash('GET:/dir/index.html')}`,
    )
  expect(response(sha256Hex, ha1.sha256)).toBe('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')
  expect(ha1.md5).toBe('3d78807defe7de2157e2b0b6573a855f')
})

test('tokens carry their prefix and enough chance', () => {
  expect(randomToken(32, 'sk_')).toMatch(/^sk_[\w-]{43}$/)
  expect(randomToken(32)).not.toBe(randomToken(32))
})

test('texts of any length are compared', () => {
  expect(safeEqual('abc', 'abc')).toBe(true)
  expect(safeEqual('abc', 'abd')).toBe(false)
  expect(safeEqual('abc', 'abcd')).toBe(false)
  expect(safeEqual('', 'a')).toBe(false)
})
