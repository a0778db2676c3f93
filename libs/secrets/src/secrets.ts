import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'

/** Keys of 32 bytes in base64 by their ids, and the id of the one that encrypts; the others still decrypt. */
export interface SecretKeys {
  keys: Record<string, string>
  current: string
}

/** Encryption at rest with AES-256-GCM. */
export interface Secrets {
  /** Encrypts for one place: give the same context, as `extension:<id>:password`, to decrypt. */
  encrypt(plain: string, context: string): string
  /** Throws SecretUnreadable for another context, an unknown key, or a text that was changed. */
  decrypt(text: string, context: string): string
  /** Whether another key than the current one was used. */
  needsRotation(text: string): boolean
}

/** An encrypted text that cannot be decrypted; holds neither the text nor the key. */
export class SecretUnreadable extends Error {
  override name = 'SecretUnreadable'
}

const cipher = 'aes-256-gcm'
const [nonceBytes, tagBytes, keyBytes] = [12, 16, 32]
const notOurForm = 'this is no encrypted text of the form v1.<key>.<nonce>.<text>.<tag>'
const keyIdForm = /^[\w-]{1,64}$/
const form = /^v1\.([\w-]{1,64})\.([\w-]{16})\.([\w-]*)\.([\w-]{22})$/

/** Checks the keys and returns what encrypts and decrypts with them. */
export function createSecrets({ keys, current }: SecretKeys): Secrets {
  // Made once: from bytes, Node makes a key object for every text.
  const keyOf = new Map(Object.entries(keys).map(([id, base64]) => [id, createSecretKey(decodeKey(id, base64))]))
  const currentKey = keyOf.get(current)
  if (!currentKey) throw new TypeError(`there is no key '${current}' to encrypt with`)

  const parts = (text: string) => {
    const [, keyId, nonce, encrypted, tag] = form.exec(text) ?? []
    if (keyId === undefined) throw new SecretUnreadable(notOurForm)
    return { keyId, nonce: decode(nonce!), encrypted: decode(encrypted!), tag: decode(tag!) }
  }

  return {
    encrypt(plain, context) {
      const nonce = randomBytes(nonceBytes)
      const encryption = createCipheriv(cipher, currentKey, nonce, { authTagLength: tagBytes }).setAAD(
        bound(current, context),
      )
      const encrypted = Buffer.concat([encryption.update(plain, 'utf8'), encryption.final()])
      return [
        'v1',
        current,
        ...[nonce, encrypted, encryption.getAuthTag()].map((part) => part.toString('base64url')),
      ].join('.')
    },
    decrypt(text, context) {
      const { keyId, nonce, encrypted, tag } = parts(text)
      const key = keyOf.get(keyId)
      if (!key)
        throw new SecretUnreadable(
          `the key '${keyId}' is not among the keys of this process (${[...keyOf.keys()].join(', ')})`,
        )
      const decryption = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes })
      decryption.setAAD(bound(keyId, context)).setAuthTag(tag)
      try {
        return Buffer.concat([decryption.update(encrypted), decryption.final()]).toString('utf8')
      } catch (cause) {
        throw new SecretUnreadable(
          `the text does not belong to '${context}', was changed, or the key '${keyId}' is another one now`,
          { cause },
        )
      }
    },
    needsRotation: (text) => parts(text).keyId !== current,
  }
}

/** Reads keys from a setting: `id:base64,id2:base64`, the first of which encrypts. */
export function parseKeys(setting: string, name = 'ENCRYPTION_KEYS'): SecretKeys {
  const entries = setting.split(',').map((entry) => {
    const [id = '', base64 = '', ...rest] = entry.trim().split(':')
    // Never with the entry itself in the message: it is a key.
    if (!keyIdForm.test(id) || rest.length > 0) throw new TypeError(`${name} must be of the form id:base64,id2:base64`)
    try {
      decodeKey(id, base64)
    } catch (error) {
      throw new TypeError(`${name}: ${(error as Error).message}`)
    }
    return [id, base64] as const
  })
  const keys = Object.fromEntries(entries)
  if (Object.keys(keys).length < entries.length) throw new TypeError(`${name} names a key id twice`)
  return { keys, current: entries[0]![0] }
}

function decodeKey(id: string, base64: string): Buffer {
  if (!keyIdForm.test(id)) throw new TypeError(`the key id '${id}' may hold letters, digits, - and _ only`)
  const key = Buffer.from(base64, 'base64')
  if (!/^[\w+/-]+={0,2}$/.test(base64) || key.length !== keyBytes) {
    throw new TypeError(`the key '${id}' must be ${keyBytes} bytes in base64 (openssl rand -base64 ${keyBytes})`)
  }
  return key
}

/** The key id is bound too, so that a text cannot be passed off as one of another key. */
const bound = (keyId: string, context: string) => Buffer.from(JSON.stringify(['v1', keyId, context]))

function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  // Each secret has one spelling only: the bits that fill up the last character count as well.
  if (bytes.toString('base64url') !== text) throw new SecretUnreadable(notOurForm)
  return bytes
}
