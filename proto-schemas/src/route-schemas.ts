import { Detail, Id, internal, Name, resourceFields, Time } from '@sidetone/contract'
import { z } from 'zod'
import { Address } from './common.ts'

const ProviderType = z.enum(['sip'])

const hostnameProblem = 'must be a host, or host:port, like sip.example.com; ;transport=tls (or tcp, udp) may follow'
/** `host` or `host:port`; an IPv6 address in brackets. Without a port NAPTR and SRV records count (RFC 3263). */
const Hostname = z
  .string()
  .max(255)
  .regex(
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:;transport=(?:udp|tcp|tls))?$/,
    hostnameProblem,
  )
  .refine((text) => URL.canParse(`http://${text.split(';', 1)[0]}`), hostnameProblem)

/** Glued to an E.164 number inside a SIP URI. */
const NumberAffix = z.string().regex(/^[0-9A-Za-z*#+._-]{0,32}$/, 'use up to 32 letters, digits or * # + . _ -')

/** What the SIP stack writes itself, or what says who the caller is, is not for a carrier's settings to say. */
const reservedHeader = new RegExp(
  `^(?:${[
    'via|from|to|call-id|cseq|contact|max-forwards|route|record-route|path|content-.*|[ivftmlceskuo]',
    'authorization|proxy-.*|www-authenticate|allow|allow-events|supported|require|unsupported|expires',
    'event|subject|date|min-se|session-expires|replaces|refer-to|referred-by|rack|rseq',
    'p-asserted-identity|p-preferred-identity|remote-party-id|identity|privacy|callerid',
    'vb-.*|vbout-.*|x-sidetone-.*',
  ].join('|')})$`,
  'i',
)

/** Headers for each call through a carrier. */
const TechHeaders = z
  .record(
    z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9-]+$/, 'a header name has letters, digits and - only')
      .refine((name) => !reservedHeader.test(name), 'this header belongs to the platform; choose another'),
    z
      .string()
      .max(255)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are refused
      .regex(/^[^\x00-\x1f\x7f]*$/, 'must be one line without control characters'),
  )
  .refine((headers) => Object.keys(headers).length <= 20, 'at most 20 headers')

/** `ulaw,alaw`; empty: what the platform offers. */
const Codecs = z
  .string()
  .max(255)
  .regex(/^(?:[A-Za-z0-9_.-]+(?:,[A-Za-z0-9_.-]+)*)?$/, 'must be codec names separated by commas, like ulaw,alaw')

/** A carrier that calls go out through; the same for all customers. */
export const Provider = z
  .object({
    ...resourceFields,
    /** The nil id: it belongs to the platform. */
    customer_id: internal(Id),
    type: ProviderType,
    hostname: z.string(),
    tech_prefix: z.string(),
    tech_postfix: z.string(),
    tech_headers: z.record(z.string(), z.string()),
    /** What the carrier knows it by, after `setup`. */
    metadata: z.record(z.string(), z.unknown()),
    name: Name,
    detail: z.string(),
    codecs: z.string(),
    /** For carriers that ask for a digest (RFC 3261 section 22); empty: none. */
    username: z.string(),
    password: internal(z.string()),
    /** Whether it answers SIP OPTIONS; `unknown` until it was first asked. */
    health_status: z.enum(['unknown', 'healthy', 'unhealthy']),
    health_checked_at: Time.nullable(),
    /** Whether we register with it (RFC 3261 section 10), so that its calls reach us without an address of ours over there. Not in VoIPBIN. */
    register: z.boolean(),
    /** `unknown` while no RTC node can say. Not in VoIPBIN. */
    registration_status: z.enum(['off', 'unknown', 'registering', 'registered', 'rejected', 'unreachable']),
    /** What the carrier answered, when it refused: `403 Forbidden`. Not in VoIPBIN. */
    registration_detail: z.string(),
  })
  .meta({ id: 'Provider' })
export type Provider = z.infer<typeof Provider>

/** Events are kept and passed on in many places, so the secret is not in them. */
export const AnnouncedProvider = Provider.omit({ password: true })

/** `all`, or how the number begins: `+1`, `+1212`. */
const Target = z.string().regex(/^(?:all|\+[1-9][0-9]{0,14})$/, 'must be all, or how the numbers begin: +1, +44, +1212')

/** Which carrier numbers of a kind go through. */
export const Route = z
  .object({
    ...resourceFields,
    /** Whose calls; the nil id: everyone's, after routes of their own. */
    customer_id: Id,
    name: Name,
    detail: z.string(),
    provider_id: Id,
    /** Among routes with the same target the smallest comes first. */
    priority: z.int(),
    target: z.string(),
  })
  .meta({ id: 'Route' })
export type Route = z.infer<typeof Route>

/** A call through one carrier, to try it out. */
export const Providercall = z
  .object({
    ...resourceFields,
    provider_id: Id,
    flow_id: Id,
    source: Address,
    destinations: z.array(Address),
    anonymous: z.enum(['yes', 'no', 'auto']),
    call_ids: z.array(Id),
    groupcall_ids: z.array(Id),
  })
  .meta({ id: 'Providercall' })
export type Providercall = z.infer<typeof Providercall>

/** The PJSIP endpoint of a carrier that has credentials or codecs of its own; the proxy of a node tells it to the node. */
export const carrierEndpoint = (provider_id: string): string => `carrier-${provider_id}`

/** One way to dial a number. */
export const Dialroute = z.object({
  /** The route that led here; the provider's id when the caller named the providers. */
  route_id: Id,
  provider_id: Id,
  provider_type: ProviderType,
  hostname: z.string(),
  tech_prefix: z.string(),
  tech_postfix: z.string(),
  tech_headers: z.record(z.string(), z.string()),
  codecs: z.string(),
  /** What to originate a call to on an RTC node: `PJSIP/<endpoint>/sip:<prefix><number><postfix>@<hostname>`, escaped. */
  endpoint: z.string(),
  health_status: Provider.shape.health_status,
})
export type Dialroute = z.infer<typeof Dialroute>

export const ProviderFields = z.object({
  type: ProviderType,
  hostname: Hostname,
  tech_prefix: NumberAffix,
  tech_postfix: NumberAffix,
  tech_headers: TechHeaders,
  name: Name,
  detail: Detail,
  codecs: Codecs.default(''),
  /** Absent, here and below: as it was. */
  username: z
    .string()
    .max(128)
    .regex(/^[^\s"\\]*$/, 'must not have spaces, quotes or backslashes')
    .optional(),
  password: z.string().max(128).optional(),
  /** Needs a username. */
  register: z.boolean().optional(),
})
export const RouteFields = z.object({
  name: Name,
  detail: Detail,
  provider_id: Id,
  priority: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  target: Target,
})
