import { everyCustomer } from '@sidetone/contract'
import { type JobContext, NotYet } from '@sidetone/jobs'
import type { WebhookEndpoint } from '@sidetone/proto-schemas/webhook'
import { batches, timeAfter } from '@sidetone/store'
import { type Core, drainJob, drainSignal, secretsOf } from './core.ts'
import { type Answer, deliver } from './deliver.ts'
import type { DueDelivery, Outcome } from './deliveries.ts'
import { afterFailure, type Health, healthy, isHopeless, isPaused, placesOf } from './health.ts'
import { retries, retryAfterMs } from './schedule.ts'
import type { Secret } from './sign.ts'

const outcomesAtOnce = 200
/** After that long another worker may take over. */
const turnMs = 5 * 60_000
/** How often to look for what another process has put into the queue, while something is on its way. */
const lookEveryMs = 1_000
/** Fewer free places than this are not worth a query. */
const worthwhile = 8
/** Standard Webhooks: the receiver says that it will never want another one. */
const gone = 410

/** One job per endpoint works its queue off, so that one that hangs or fails slows nobody else. */
export function defineDrain(core: Core): void {
  const { store, deliveries } = core
  const settle = batches<Outcome>(
    (outcomes) => store.transaction((tx) => deliveries.settle(tx, outcomes)),
    outcomesAtOnce,
  )
  core.jobs.define<{ endpoint_id: string }>(drainJob, {
    handler: ({ endpoint_id }, context) => drain(core, settle, endpoint_id, context),
    maxAttempts: Number.POSITIVE_INFINITY,
    backoff: (attempt) => Math.min(1_000 * 2 ** attempt, 60_000),
    concurrency: 1_000,
    timeoutMs: 2 * turnMs,
  })
}

type Settle = (outcome: Outcome) => Promise<void>

/** Ends when nothing may be sent at the moment, and comes back when something may be again. */
async function drain(core: Core, settle: Settle, endpoint_id: string, context: JobContext): Promise<void> {
  const { store, endpoints, deliveries } = core
  const endpoint = await endpoints.find(store, everyCustomer, endpoint_id)
  if (endpoint?.status !== 'enabled')
    return store.transaction((tx) => deliveries.giveUpAll(tx, endpoint_id, 'the endpoint was not enabled'))
  const { health, isGone } = isPaused(endpoint)
    ? { health: endpoint, isGone: false }
    : await sendDue(core, settle, endpoint, context)
  if (isGone || isHopeless(health)) return giveUp(core, endpoint_id)
  if (health.failures !== endpoint.failures || health.tm_retry !== endpoint.tm_retry) {
    const { failures, tm_failing, tm_retry } = health
    // Not through the table's update: how an endpoint does is no change of it, so its tm_update stays.
    const kept = { failures, tm_failing, tm_retry }
    await store.kysely.updateTable(endpoints.name).set(kept).where('id', '=', endpoint_id).execute()
  }
  const next = await deliveries.nextDue(endpoint_id)
  if (next) throw new NotYet(new Date(isPaused(health) ? health.tm_retry! : next))
}

/** Sends what is due, as much at a time as the endpoint bears, until nothing is on its way any more. */
async function sendDue(
  core: Core,
  settle: Settle,
  { id: endpoint_id, ...before }: WebhookEndpoint,
  { closing, signal }: JobContext,
): Promise<{ health: Health; isGone: boolean }> {
  const { store, endpoints, deliveries } = core
  const endMs = Date.now() + turnMs
  const sending = new Map<number, Promise<void>>()
  let health: Health = before
  let isGone = false

  async function fill(): Promise<void> {
    const goesOn = !closing.aborted && Date.now() < endMs && !isPaused(health) && !isGone
    const free = placesOf(health) - sending.size
    if (!goesOn || (free < worthwhile && sending.size > 0)) return
    // Read each time: a change of the endpoint counts from the next request on.
    const endpoint = await endpoints.find(store, everyCustomer, endpoint_id)
    if (endpoint?.status !== 'enabled') return
    const due = await deliveries.due(endpoint_id, free, [...sending.keys()])
    const secrets = due.length > 0 ? await secretsOf(core, endpoint) : []
    for (const delivery of due) {
      const sent = send(endpoint, secrets, delivery).finally(() => sending.delete(delivery.position))
      sending.set(delivery.position, sent)
    }
  }

  async function send({ uri, method }: WebhookEndpoint, secrets: Secret[], delivery: DueDelivery): Promise<void> {
    const { event_id: id, body, attempts } = delivery
    const begun = health.failures
    const answer = await deliver(core.outbound, { id, uri, method, contentType: 'application/json', body, secrets })
    if (answer.error === '') health = healthy
    // Those that were on their way when the pause began fail for the same reason.
    else if (!isPaused(health) && health.failures >= begun) health = afterFailure(health)
    isGone ||= answer.status_code === gone
    await settle(outcomeOf(delivery, answer, attempts + 1))
  }

  const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  stopped.catch(() => undefined)
  let news = Promise.withResolvers<void>()
  const unlisten = store.onSignal(drainSignal(endpoint_id), () => news.resolve())
  try {
    for (;;) {
      news = Promise.withResolvers()
      await fill()
      if (sending.size === 0) return { health, isGone }
      const look = setTimeout(news.resolve, lookEveryMs)
      await Promise.race([...sending.values(), news.promise, stopped]).finally(() => clearTimeout(look))
    }
  } finally {
    unlisten()
  }
}

function outcomeOf({ position, line }: DueDelivery, { status_code, error }: Answer, attempts: number): Outcome {
  const again = error !== '' && attempts <= retries
  return {
    ...{ position, line, status_code, error },
    status: error === '' ? 'delivered' : again ? 'pending' : 'failed',
    tm_due: again ? timeAfter(retryAfterMs(attempts)) : null,
  }
}

/** Nothing more is sent; what happens from now on is kept for a replay. */
function giveUp({ store, endpoints, deliveries, emit, log }: Core, endpoint_id: string): Promise<void> {
  return store.transaction(async (tx) => {
    const endpoint = await endpoints.update(tx, everyCustomer, endpoint_id, { status: 'failed' })
    if (!endpoint) return
    await deliveries.giveUpAll(tx, endpoint_id, 'the endpoint was given up')
    if (endpoint.type !== 'activeflow') await emit(tx, 'webhook_endpoint', 'disabled', endpoint)
    log.warn({ endpoint_id, customer_id: endpoint.customer_id }, 'a webhook endpoint was given up')
  })
}
