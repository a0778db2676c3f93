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
import { planErrors } from './plan-limit.ts'

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

/** What may call in for a customer without registering: its own telephone system, or a carrier of its own. */
export const Trunk = z
  .object({
    ...resourceFields,
    name: Name,
    detail: z.string(),
    /** `<domain_name>.trunk.<base>` is the SIP domain. */
    domain_name: z.string(),
    /** What a call proves itself by, either of them: `basic`, the digest of username and password; `ip`, where it comes from. */
    auth_types: z.array(z.enum(['basic', 'ip'])),
    username: z.string(),
    password: z.string(),
    /** Networks as CIDRs, or single addresses. */
    allowed_ips: z.array(z.string()),
    /** RFC 7616 HA1 for the platform's realm. */
    ha1_md5: internal(z.string()),
    ha1_sha256: internal(z.string()),
  })
  .meta({ id: 'Trunk' })
export type Trunk = z.infer<typeof Trunk>

const AnnouncedTrunk = Trunk.omit({ password: true, ha1_md5: true, ha1_sha256: true })

const Password = z.string().min(6).max(128)
const Fields = z.object({ name: Name.default(''), detail: Detail, password: Password })
const errors = ['EXTENSION_NOT_FOUND'] as const

/** Wider networks are not one customer's: everybody in them could call at its expense. */
const shortestPrefixes = { 4: 16, 6: 32 }
const AllowedIp = z
  .union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an IP address, or a network like 192.0.2.0/24')
  .refine((text) => Number(text.split('/')[1] ?? 128) >= shortestPrefixes[text.includes(':') ? 6 : 4], {
    message: 'is too wide: at least /16, for IPv6 /32',
  })
const trunkShape = {
  name: Name.default(''),
  detail: Detail,
  auth_types: z
    .array(z.enum(['basic', 'ip']))
    .min(1)
    .max(2),
  username: z.string().max(64).default(''),
  password: z.union([z.literal(''), Password]).default(''),
  allowed_ips: z.array(AllowedIp).max(100).default([]),
}
interface Proofs {
  auth_types: string[]
  username: string
  password: string
  allowed_ips: string[]
}
/** What it proves itself by must be there. */
function checkProofs({ auth_types, username, password, allowed_ips }: Proofs, context: z.RefinementCtx): void {
  const problem = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
  if (auth_types.includes('basic')) {
    if (username === '') problem('username', 'is needed for basic')
    if (password === '') problem('password', 'is needed for basic')
  }
  if (auth_types.includes('ip') && allowed_ips.length === 0) problem('allowed_ips', 'are needed for ip')
}
const trunkErrors = ['TRUNK_NOT_FOUND'] as const

export const registrarContract = defineContract({
  name: 'registrar',
  errors: {
    ...planErrors,
    EXTENSION_NOT_FOUND: { status: 'NOT_FOUND', message: 'The extension was not found.' },
    EXTENSION_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'This extension exists already.' },
    TRUNK_NOT_FOUND: { status: 'NOT_FOUND', message: 'The trunk was not found.' },
    TRUNK_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'This domain_name is taken; choose another one.' },
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
          errors: ['EXTENSION_ALREADY_EXISTS', 'RESOURCE_LIMIT_EXCEEDED'],
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
        direct_hash_regenerate: operation({
          http: 'POST /extensions/{id}/direct-hash-regenerate',
          summary: 'Give an extension a new short address; the old one stops working',
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
    trunk: {
      operations: {
        list: operation({
          http: 'GET /trunks',
          summary: 'List trunks',
          allow: managers,
          input: PageQuery,
          output: Page(Trunk),
        }),
        create: operation({
          http: 'POST /trunks',
          summary: 'Create a trunk',
          allow: managers,
          input: z
            .object({
              ...trunkShape,
              domain_name: z
                .string()
                .regex(/^[a-zA-Z][a-zA-Z0-9.-]{1,30}$/, 'use 2 to 31 letters, digits, . or -, a letter first'),
            })
            .superRefine(checkProofs),
          output: Trunk,
          errors: ['TRUNK_ALREADY_EXISTS', 'RESOURCE_LIMIT_EXCEEDED'],
        }),
        get: operation({
          http: 'GET /trunks/{id}',
          summary: 'Get a trunk',
          allow: managers,
          input: ById,
          output: Trunk,
          errors: trunkErrors,
        }),
        update: operation({
          http: 'PUT /trunks/{id}',
          summary: 'Replace all of a trunk but its domain_name',
          allow: managers,
          input: z.object({ ...ById.shape, ...trunkShape }).superRefine(checkProofs),
          output: Trunk,
          errors: trunkErrors,
        }),
        delete: operation({
          http: 'DELETE /trunks/{id}',
          summary: 'Delete a trunk',
          allow: managers,
          input: ById,
          output: Trunk,
          errors: trunkErrors,
        }),
        credentials: operation({
          http: 'POST /trunks/credentials',
          summary:
            'Find whose trunk a call comes through: what checks its digest or, without a username, by its address',
          idempotent: true,
          input: z.object({
            domain_name: z.string(),
            username: z.string().default(''),
            source: z.string().default(''),
          }),
          output: z.object({ credentials: SipCredentials.nullable() }),
        }),
      },
      events: {
        created: event(AnnouncedTrunk, 'A trunk was created', { internal: true }),
        updated: event(AnnouncedTrunk, 'A trunk was changed', { internal: true }),
        deleted: event(AnnouncedTrunk, 'A trunk was deleted', { internal: true }),
      },
    },
  },
})
