import {
  ApiError,
  type Contract,
  commonError,
  commonErrors,
  type ErrorOverrides,
  errorOf,
  freeze,
  type Handlers,
  invalidArgument,
  isImmutable,
  type OperationContext,
  onceForImmutable,
  type ReplyEnvelope,
  type RequestEnvelope,
  type Route,
  routesOf,
  scopeOf,
} from '@sidetone/contract'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { runForRequest } from './current-request.ts'
import { type IdempotencyStore, idempotencyKeyOf, runOnce } from './idempotency.ts'
import { jsonCopy } from './json-copy.ts'
import { busMetrics } from './metrics.ts'
import { requestQueue } from './queues.ts'
import { errorReplyOf, replyOf } from './replies.ts'
import { answering, inSpan } from './tracing.ts'
import type { Closable, Delivery, Transport } from './transport.ts'
import { createRouter } from './uri.ts'

interface ServeOptions {
  transport: Transport
  log: Logger
  /** Without one, an operation that is not idempotent is never run again after a cut-off attempt. */
  idempotency?: IdempotencyStore | undefined
  prefetch?: number | undefined
  registry?: Registry | undefined
}

type Handler = (input: unknown, context: OperationContext) => Promise<unknown>

/** An operation, ready to run. */
interface Servable {
  route: Route
  handler: Handler
  /** Gives what the contract says of an answer; throws when it says no such thing. */
  checked: (output: unknown) => unknown
  reasons: ReadonlySet<string>
  fail: OperationContext['fail']
  spanName: string
}

/** Answers the requests to a manager with its handlers. */
export async function serveContract<C extends Contract>(
  contract: C,
  handlers: Handlers<C>,
  { transport, log, idempotency, prefetch = 128, registry }: ServeOptions,
): Promise<Closable> {
  const { serverSeconds } = busMetrics(registry)
  const find = createRouter(servablesOf(contract, handlers).map((target) => ({ ...target.route, target })))

  async function answer(envelope: RequestEnvelope, delivery: Delivery): Promise<ReplyEnvelope> {
    const { request_id, deadline, identity, actor } = envelope
    const found = find(envelope.method, envelope.uri)
    if (!found) return errorReplyOf(commonError('ROUTE_NOT_FOUND'), request_id)
    const { target, params } = found
    const { id } = target.route
    const started = performance.now()
    const reply = await runForRequest({ request_id, deadline, identity, actor, operation: id }, () =>
      inSpan(target.spanName, answering(envelope.traceparent), () => settle(target, envelope, delivery, params)),
    )
    const labels = { service: contract.name, operation: id, status: statusOf(reply) }
    serverSeconds.observe(labels, (performance.now() - started) / 1_000)
    return reply
  }

  /** Everything that may go wrong with a request becomes an answer here. */
  async function settle(
    servable: Servable,
    envelope: RequestEnvelope,
    delivery: Delivery,
    params: Record<string, string>,
  ): Promise<ReplyEnvelope> {
    const { operation, id } = servable.route
    const { request_id, deadline } = envelope
    try {
      if (Date.now() >= deadline) throw commonError('DEADLINE_EXCEEDED')
      const parsed = operation.input.safeParse(inputOf(envelope.data, params))
      if (!parsed.success) throw invalidArgument(parsed.error)
      const run = () => attempt(servable, parsed.data, envelope)
      const key = operation.idempotent ? undefined : idempotencyKeyOf(id, envelope, delivery)
      if (!key) return await run()
      if (idempotency) return await runOnce(idempotency, { key, input: parsed.data, deadline, run, log })
      if (delivery.redelivered) throw commonError('OUTCOME_UNKNOWN')
      return await run()
    } catch (error) {
      return errorReplyOf(tellable(servable, error, request_id), request_id)
    }
  }

  async function attempt(servable: Servable, input: unknown, envelope: RequestEnvelope): Promise<ReplyEnvelope> {
    const { identity, request_id, deadline } = envelope
    const { customer_id } = identity
    const { fail } = servable
    try {
      const context = { identity, customer_id, scope: scopeOf(identity), request_id, deadline, fail }
      return replyOf(servable.checked(await servable.handler(input, context)))
    } catch (error) {
      return errorReplyOf(tellable(servable, error, request_id), request_id)
    }
  }

  /** A declared or common error as it is; anything else stays here, in the log. */
  function tellable({ reasons, route }: Servable, error: unknown, request_id: string): ApiError {
    if (error instanceof ApiError && reasons.has(error.reason) && error.reason !== 'INTERNAL') return error
    log.error({ request_id, operation: route.id, err: error }, 'request failed')
    return commonError('INTERNAL')
  }

  return transport.serve(requestQueue(contract.name), answer, { prefetch })
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The path wins over the body. */
function inputOf(data: unknown, params: Record<string, string>): unknown {
  const body = data ?? {}
  return isObject(body) ? { ...body, ...params } : body
}

const statusOf = ({ status_code, data }: ReplyEnvelope): string =>
  status_code < 400 ? 'OK' : (data as { error: { status: string } }).error.status

/** Pairs every operation of the contract with its handler; throws unless the two are exactly the same set. */
function servablesOf<C extends Contract>(contract: C, handlers: Handlers<C>): Servable[] {
  const given = new Map<string, Handler>()
  for (const [resource, operations] of Object.entries(handlers as unknown as Record<string, Record<string, Handler>>)) {
    for (const [name, handler] of Object.entries(operations)) given.set(`${resource}.${name}`, handler)
  }
  const routes = routesOf(contract)
  const missing = routes.map(({ id }) => id).filter((id) => !given.has(id))
  const unknown = Array.from(given.keys()).filter((id) => !routes.some((route) => route.id === id))
  if (missing.length > 0) throw new Error(`${contract.name}: no handler for ${missing.join(', ')}`)
  if (unknown.length > 0) throw new Error(`${contract.name}: no such operation: ${unknown.join(', ')}`)

  const definitions = { ...commonErrors, ...contract.errors }
  const fail = (reason: string, overrides?: ErrorOverrides) => errorOf(definitions, reason, overrides)
  return routes.map((route) => {
    const reasons = new Set([...Object.keys(commonErrors), ...route.operation.errors])
    return {
      route,
      handler: given.get(route.id)!,
      checked: outputCheck(route),
      reasons,
      fail,
      spanName: `answer ${route.id}`,
    }
  })
}

/** An immutable answer is checked once, and goes to all who ask for it without a copy. */
const outputCheck = ({ id, operation }: Route) =>
  onceForImmutable((answer) => {
    const { success, data, error } = operation.output.safeParse(answer)
    if (!success) throw new Error(`${id} answered what its contract does not allow`, { cause: error })
    return isImmutable(answer) ? freeze(jsonCopy(data) as object) : data
  })
