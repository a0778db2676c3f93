import { createHash } from 'node:crypto'

/** What SIP and HTTP digest authentication stores in place of the password: H(username:realm:password), RFC 7616 3.4.2. */
export function digestHa1({ username, realm, password }: { username: string; realm: string; password: string }): {
  md5: string
  sha256: string
} {
  const text = `${username}:${realm}:${password}`
  return {
    md5: createHash('md5').update(text).digest('hex'),
    sha256: createHash('sha256').update(text).digest('hex'),
  }
}
