import { randomUUID } from 'node:crypto'
import { ApiError, internalIdentity } from '@sidetone/contract'
import type { ActionOption } from '@sidetone/proto-schemas/action'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import type { Tx } from '@sidetone/store'
import type { ActiveflowRow } from './activeflow-row.ts'
import type { Core } from './core.ts'

interface WebhookJob {
  customer_id: string
  activeflow_id: string
  webhook: ActionOption<'webhook_send'>
  /** The same at every attempt, so that the webhook manager takes it once. */
  idempotency_key: string
}

const jobType = 'activeflow.webhook'

/** The job that hands webhooks over until the webhook manager has taken or refused them. */
export function defineWebhookJob(core: Core): void {
  core.jobs.define<WebhookJob>(jobType, {
    maxAttempts: 1_000,
    backoff: (attempt) => Math.min(2 ** attempt * 250, 60_000),
    concurrency: 16,
    timeoutMs: 30_000,
    handler: (job) => send(core, job),
  })
}

/** Sends a webhook of a flow once the step is committed, whatever dies; those of one activeflow in order. */
export async function queueWebhook(
  core: Core,
  tx: Tx,
  { id: activeflow_id, customer_id }: ActiveflowRow,
  webhook: ActionOption<'webhook_send'>,
): Promise<void> {
  const job: WebhookJob = { customer_id, activeflow_id, webhook, idempotency_key: randomUUID() }
  await core.jobs.enqueue(tx, jobType, job, { serialKey: activeflow_id })
}

/** Rejects when another attempt may go better. */
async function send(core: Core, job: WebhookJob): Promise<void> {
  const { customer_id, activeflow_id, webhook, idempotency_key } = job
  const identity = internalIdentity(customer_id)
  try {
    await core.client(webhookContract).webhook.send({ ...webhook, activeflow_id }, { identity, idempotency_key })
  } catch (err) {
    if (!(err instanceof ApiError) || !final.includes(err.status)) throw err
    core.log.warn({ err, activeflow_id, customer_id }, 'a webhook of a flow was refused')
  }
}

const final: string[] = ['INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'NOT_FOUND', 'PERMISSION_DENIED']
