import {
  ById,
  Detail,
  defineContract,
  event,
  Id,
  internal,
  managers,
  Name,
  operation,
  Page,
  PageQuery,
  resourceFields,
} from '@sidetone/contract'
import { z } from 'zod'

/** A SIP account: a phone registers with it and is reached by its extension number. */
export const Extension = z
  .object({
    ...resourceFields,
    name: Name,
    detail: z.string(),
    extension: z.string(),
    /** `<domain_name>.registrar.<base>` is the SIP domain. */
    domain_name: z.string(),
    username: z.string(),
    password: z.string(),
    /** RFC 7616 HA1 for the platform's realm. */
    ha1_md5: internal(z.string()),
    ha1_sha256: internal(z.string()),
    direct_hash: z.string(),
  })
  .meta({ id: 'Extension' })
export type Extension = z.infer<typeof Extension>

/** Events are kept and passed on in many places, so the secrets are not in them. */
const AnnouncedExtension = Extension.omit({ password: true, ha1_md5: true, ha1_sha256: true })

/** What a registrar needs to check a SIP digest. */
export const SipCredentials = z.object({
  username: z.string(),
  customer_id: Id,
  ha1_md5: z.string(),
  ha1_sha256: z.string(),
})
export type SipCredentials = z.infer<typeof SipCredentials>

const Password = z.string().min(6).max(128)
const Fields = z.object({ name: Name.default(''), detail: Detail, password: Password })
const errors = ['EXTENSION_NOT_FOUND'] as const

export const registrarContract = defineContract({
  name: 'registrar',
  errors: {
    EXTENSION_NOT_FOUND: { status: 'NOT_FOUND', message: 'The extension was not found.' },
    EXTENSION_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'This extension exists already.' },
  },
  resources: {
    extension: {
      operations: {
        list: operation({
          http: 'GET /extensions',
          summary: 'List extensions',
          allow: managers,
          input: PageQuery,
          output: Page(Extension),
        }),
        create: operation({
          http: 'POST /extensions',
          summary: 'Create an extension',
          allow: managers,
          input: Fields.extend({
            extension: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'use 1 to 64 letters, digits, _ . or -'),
          }),
          output: Extension,
          errors: ['EXTENSION_ALREADY_EXISTS'],
        }),
        get: operation({
          http: 'GET /extensions/{id}',
          summary: 'Get an extension',
          allow: managers,
          input: ById,
          output: Extension,
          errors,
        }),
        update: operation({
          http: 'PUT /extensions/{id}',
          summary: 'Replace name, detail and password',
          allow: managers,
          input: ById.extend(Fields.shape),
          output: Extension,
          errors,
        }),
        delete: operation({
          http: 'DELETE /extensions/{id}',
          summary: 'Delete an extension',
          allow: managers,
          input: ById,
          output: Extension,
          errors,
        }),
        by_number: operation({
          http: 'GET /extensions/by_number/{extension}',
          summary: 'Find an extension of the customer by its number',
          input: z.object({ extension: z.string() }),
          output: Extension,
          errors,
        }),
        credentials: operation({
          http: 'POST /extensions/credentials',
          summary: 'Find what checks the digest of a SIP account',
          idempotent: true,
          input: z.object({ username: z.string(), domain: z.string() }),
          output: z.object({ credentials: SipCredentials.nullable() }),
        }),
      },
      events: {
        created: event(AnnouncedExtension, 'An extension was created', { internal: true }),
        updated: event(AnnouncedExtension, 'An extension was changed', { internal: true }),
        deleted: event(AnnouncedExtension, 'An extension was deleted', { internal: true }),
      },
    },
  },
})
