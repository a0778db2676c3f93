import type { z } from 'zod'
import type { ApiError, CommonReason, ErrorDefinition, ErrorOverrides } from './errors.ts'
import type { Allow, Identity, Scope } from './identity.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** One thing that can be asked of a manager. */
export interface Operation<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType,
  Reason extends string = string,
> {
  /** `GET /tags/{id}`: on the bus under `/v1`, and for the outside under `/v1.0` (paths under `/auth` as they are). */
  http: `${Method} /${string}`
  summary: string
  /** Who may call it from outside; absent for operations that only managers call. */
  allow?: Allow
  /** Path, query and body in one object. Closed: an unknown field is an error. */
  input: Input
  output: Output
  /** The declared errors that it may end with. */
  errors: readonly Reason[]
  /** May be repeated without a second effect. GET, PUT and DELETE are; POST only when said here. */
  idempotent: boolean
  timeoutMs: number
  /** The output is `{ location }` and the outside gets a 307 to it. */
  redirect: boolean
  /** The input is a `RawRequest`: what somebody else's service sends, who signs the bytes of the body. */
  raw: boolean
  /** The output is `Bytes`, and the outside gets what they are. */
  binary: boolean
  /** The outside sends `multipart/form-data`; its part `file` is stored first and becomes the input's `file`, an `UploadedFile`. */
  upload: boolean
  /** Browsers keep the output's `token` as a cookie; an output without one takes the cookie away. */
  cookie: boolean
}

interface OperationOptions<I extends z.ZodObject, O extends z.ZodType, E extends readonly string[]> {
  http: `${Method} /${string}`
  summary: string
  allow?: Allow
  input: I
  output: O
  errors?: E
  idempotent?: boolean
  timeoutMs?: number
  redirect?: boolean
  raw?: boolean
  binary?: boolean
  upload?: boolean
  cookie?: boolean
}

/** Declares an operation; see `Operation` for the fields. */
export function operation<I extends z.ZodObject, O extends z.ZodType, const E extends readonly string[] = readonly []>({
  errors,
  idempotent,
  timeoutMs = 5_000,
  redirect = false,
  raw = false,
  binary = false,
  upload = false,
  cookie = false,
  ...rest
}: OperationOptions<I, O, E>): Operation<I, O, E[number]> {
  return {
    ...rest,
    input: rest.input.strict() as unknown as I,
    errors: errors ?? [],
    idempotent: idempotent ?? !rest.http.startsWith('POST '),
    timeoutMs,
    redirect,
    raw,
    binary,
    upload,
    cookie,
  }
}

/** A fact that a manager announces. */
export interface EventDefinition<Data extends z.ZodType = z.ZodType> {
  data: Data
  summary: string
  /** Only managers hear of it: no webhook, no WebSocket, no timeline. */
  internal: boolean
}

/** Declares an event; its wire type is `<resource>_<event>`. */
export const event = <D extends z.ZodType>(
  data: D,
  summary: string,
  { internal = false }: { internal?: boolean } = {},
): EventDefinition<D> => ({ data, summary, internal })

/** A noun of the domain: what can be asked about it and what is announced about it. */
export interface ResourceDefinition<Reason extends string = string> {
  operations: Record<string, Operation<z.ZodObject, z.ZodType, Reason>>
  events: Record<string, EventDefinition>
}

/** Everything the outside may know about one manager. */
export interface Contract<
  Name extends string = string,
  Errors extends Record<string, ErrorDefinition> = Record<string, ErrorDefinition>,
  Resources extends Record<string, ResourceDefinition> = Record<string, ResourceDefinition>,
> {
  name: Name
  errors: Errors
  resources: Resources
}

/** Declares a contract. An operation can only name errors that `errors` has. */
export const defineContract = <
  const N extends string,
  const E extends Record<string, ErrorDefinition>,
  R extends Record<string, ResourceDefinition<Extract<keyof E, string>>>,
>(
  contract: Contract<N, E, R>,
): Contract<N, E, R> => contract

/** What a handler knows about the request. */
export interface OperationContext<Reason extends string = string> {
  identity: Identity
  /** Whose data it is about: `identity.customer_id`. */
  customer_id: string
  /** Whose rows may be touched by id: that customer's, or everyone's for internal work and project super admins. */
  scope: Scope
  request_id: string
  /** Epoch milliseconds after which nobody waits for the answer. */
  deadline: number
  /** Makes a declared error: `throw fail('TAG_NOT_FOUND')`. */
  fail: (reason: Reason | CommonReason, overrides?: ErrorOverrides) => ApiError
}

type HandlerOf<O> =
  O extends Operation<infer I, infer P, infer R>
    ? (input: z.output<I>, context: OperationContext<R>) => Promise<z.input<P>>
    : never

/** The handlers of a contract: complete, or it does not compile. */
export type Handlers<C extends Contract> = {
  [R in keyof C['resources']]: {
    [O in keyof C['resources'][R]['operations']]: HandlerOf<C['resources'][R]['operations'][O]>
  }
}

/** What a caller inside the platform may add to a call. */
export interface CallOptions {
  /** On whose behalf. */
  identity: Identity
  request_id?: string | undefined
  /** Where the request came from, when it came from outside. */
  address?: string | undefined
  deadline?: number | undefined
  idempotency_key?: string | undefined
}

type CallOf<O> =
  O extends Operation<infer I, infer P, string>
    ? (input: z.input<I>, options: CallOptions) => Promise<z.output<P>>
    : never

/** The typed way to call a manager: `client.tag.get({ id }, { identity })`. */
export type Client<C extends Contract> = {
  [R in keyof C['resources']]: {
    [O in keyof C['resources'][R]['operations']]: CallOf<C['resources'][R]['operations'][O]>
  }
}

/** Names of the events of one resource, and the data of one event. */
export type EventName<C extends Contract, R extends keyof C['resources']> = Extract<
  keyof C['resources'][R]['events'],
  string
>
export type EventData<
  C extends Contract,
  R extends keyof C['resources'],
  E extends keyof C['resources'][R]['events'],
> = z.input<C['resources'][R]['events'][E]['data']>
