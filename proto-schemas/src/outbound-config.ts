import {
  admins,
  ById,
  event,
  Id,
  Name,
  operation,
  operators,
  Page,
  PageQuery,
  resourceFields,
} from '@sidetone/contract'
import { z } from 'zod'

/** What a customer may dial, and as whom. */
export const OutboundConfig = z
  .object({
    ...resourceFields,
    name: Name,
    detail: z.string(),
    /** Countries (ISO 3166-1 alpha-2, lower case) whose phone numbers may be called; empty: none. */
    destination_whitelist: z.array(z.string()),
    /** The codecs offered to sip destinations, in order of preference: `ulaw,alaw`; empty: what the platform offers. */
    codecs: z.string(),
    /** The own number that is shown when the source of a call to a phone number is not one. */
    default_outgoing_source_number_id: Id,
  })
  .meta({ id: 'OutboundConfig' })
export type OutboundConfig = z.infer<typeof OutboundConfig>

/** Absent or null: as it was. */
const Changes = z.object({
  name: Name.nullish(),
  detail: z.string().max(4096).nullish(),
  destination_whitelist: z
    .array(z.string().regex(/^[a-z]{2}$/, 'must be ISO 3166-1 alpha-2 in lower case, like us'))
    .max(300)
    .refine((countries) => new Set(countries).size === countries.length, 'names a country twice')
    .nullish(),
  codecs: z
    .string()
    .max(255)
    .regex(/^(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?:,[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)*)?$/, 'must be like ulaw,alaw')
    .nullish(),
  /** The nil id clears it. */
  default_outgoing_source_number_id: Id.nullish(),
})

export const outboundConfigErrors = {
  OUTBOUND_CONFIG_NOT_FOUND: { status: 'NOT_FOUND', message: 'The outbound config was not found.' },
  OUTBOUND_CONFIG_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'The customer has an outbound config already.' },
  COUNTRY_INVALID: { status: 'INVALID_ARGUMENT', message: 'destination_whitelist: there is no such country.' },
  SOURCE_NUMBER_INVALID: {
    status: 'INVALID_ARGUMENT',
    message: 'default_outgoing_source_number_id: must be an active number of the customer, and not a virtual one.',
  },
} as const

const notFound = ['OUTBOUND_CONFIG_NOT_FOUND'] as const
const invalid = ['COUNTRY_INVALID', 'SOURCE_NUMBER_INVALID'] as const

export const outboundConfigResource = {
  operations: {
    own: operation({
      http: 'GET /outbound_config',
      summary: 'Get your own outbound config',
      allow: admins,
      input: z.object({}),
      output: OutboundConfig,
      errors: notFound,
    }),
    update_own: operation({
      http: 'PUT /outbound_config',
      summary: 'Change your own outbound config; it is made when there is none',
      allow: admins,
      input: Changes,
      output: OutboundConfig,
      errors: invalid,
    }),
    list: operation({
      http: 'GET /outbound_configs',
      summary: 'List outbound configs, of one customer or of all',
      allow: operators,
      input: PageQuery.extend({ customer_id: Id.optional() }),
      output: Page(OutboundConfig),
    }),
    create: operation({
      http: 'POST /outbound_configs',
      summary: 'Make the outbound config of a customer, by default of your own',
      allow: operators,
      input: Changes.extend({ customer_id: Id.optional() }),
      output: OutboundConfig,
      errors: ['OUTBOUND_CONFIG_ALREADY_EXISTS', ...invalid],
    }),
    get: operation({
      http: 'GET /outbound_configs/{id}',
      summary: 'Get an outbound config',
      allow: operators,
      input: ById,
      output: OutboundConfig,
      errors: notFound,
    }),
    update: operation({
      http: 'PUT /outbound_configs/{id}',
      summary: 'Change an outbound config',
      allow: operators,
      input: ById.extend(Changes.shape),
      output: OutboundConfig,
      errors: ['OUTBOUND_CONFIG_NOT_FOUND', ...invalid],
    }),
    delete: operation({
      http: 'DELETE /outbound_configs/{id}',
      summary: 'Delete an outbound config: phone numbers cannot be called any more',
      allow: operators,
      input: ById,
      output: OutboundConfig,
      errors: notFound,
    }),
  },
  events: {
    created: event(OutboundConfig, 'An outbound config was made', { internal: true }),
    updated: event(OutboundConfig, 'An outbound config was changed', { internal: true }),
    deleted: event(OutboundConfig, 'An outbound config was deleted', { internal: true }),
  },
}
