import { randomUUID } from 'node:crypto'
import {
  type ApiError,
  actorOf,
  type CallOptions,
  type Client,
  type Contract,
  commonError,
  type ReplyEnvelope,
  type RequestEnvelope,
  type Route,
  routesOf,
} from '@sidetone/contract'
import type { Registry } from 'prom-client'

import { createBreaker } from './breaker.ts'
import { currentRequest } from './current-request.ts'
import { busMetrics } from './metrics.ts'
import { requestQueue } from './queues.ts'
import { errorOfReply } from './replies.ts'
import { calling, inSpan } from './tracing.ts'
import type { Transport } from './transport.ts'
import { requestWriter } from './uri.ts'

interface ClientOptions {
  transport: Transport
  /** Who calls: the name of this manager. */
  publisher: string
  registry?: Registry | undefined
}

type Send = (queue: string, envelope: RequestEnvelope, idempotent: boolean) => Promise<ReplyEnvelope>
type Call = (input: Record<string, unknown>, options: CallOptions) => Promise<unknown>

/** The typed way to call a manager: `client.tag.get({ id }, { identity })`. Throws `ApiError`. */
export function createClient<C extends Contract>(contract: C, { transport, publisher, registry }: ClientOptions) {
  const { clientSeconds } = busMetrics(registry)
  const send = createBreaker(transport)
  const client: Record<string, Record<string, Call>> = {}
  for (const route of routesOf(contract)) {
    const observe = (status: string, seconds: number) =>
      clientSeconds.observe({ service: contract.name, operation: route.id, status }, seconds)
    client[route.resource] ??= {}
    client[route.resource]![route.name] = callOf(route, { publisher, send, observe })
  }
  return client as Client<C>
}

interface CallParts {
  publisher: string
  send: Send
  observe: (status: string, seconds: number) => void
}

function callOf({ id, contract, method, path, operation }: Route, { publisher, send, observe }: CallParts): Call {
  const queue = requestQueue(contract.name)
  const write = requestWriter(path)
  const { timeoutMs, idempotent } = operation
  const spanName = `call ${id}`

  async function call(
    input: Record<string, unknown>,
    options: CallOptions,
    traceparent: string | undefined,
  ): Promise<unknown> {
    const running = currentRequest()
    const now = Date.now()
    const deadline = Math.min(options.deadline ?? running?.deadline ?? Number.POSITIVE_INFINITY, now + timeoutMs)
    if (deadline <= now) throw commonError('DEADLINE_EXCEEDED')
    const { uri, data } = write(input)
    const { identity, address = '' } = options
    const request_id = options.request_id ?? running?.request_id ?? randomUUID()
    const envelope: RequestEnvelope = {
      uri,
      method,
      publisher,
      data_type: 'application/json',
      data,
      request_id,
      identity,
      actor: running ? running.actor : actorOf(identity, { request_id, address }),
      deadline,
      idempotency_key: options.idempotency_key,
      traceparent,
    }
    const reply = await send(queue, envelope, idempotent)
    if (reply.status_code >= 400) throw errorOfReply(reply)
    return reply.data
  }

  return async (input, options) => {
    const started = performance.now()
    let status = 'OK'
    try {
      return await inSpan(spanName, calling, (traceparent) => call(input, options, traceparent))
    } catch (error) {
      status = (error as ApiError).status ?? 'INTERNAL'
      throw error
    } finally {
      observe(status, (performance.now() - started) / 1_000)
    }
  }
}
