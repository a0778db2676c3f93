import type { Resources } from '@sidetone/manager'
import type { registrarContract } from '@sidetone/proto-schemas/registrar'
import { digestHa1 } from '@sidetone/secrets'
import { z } from 'zod'

export const registrarSettings = z.object({
  /** The digest realm of all SIP accounts; part of every stored HA1, so it never changes. */
  SIP_REALM: z.string().default('sidetone'),
  /** Whose extensions are meant by a domain that names no customer; absent: nobody's. */
  DEFAULT_CUSTOMER_ID: z.uuid().optional(),
})

export type Core = Resources<typeof registrarContract, z.output<typeof registrarSettings>>

/** What checks the digest of a user (RFC 7616), by MD5 and SHA-256. */
export function hashesOf({ settings }: Core, username: string, password: string) {
  const { md5, sha256 } = digestHa1({ username, realm: settings.SIP_REALM, password })
  return { ha1_md5: md5, ha1_sha256: sha256 }
}
