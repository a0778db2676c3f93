import { randomUUID } from 'node:crypto'
import { ApiError, internalIdentity } from '@sidetone/contract'
import type { ActionOption } from '@sidetone/proto-schemas/action'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { type Tx, timeAfter } from '@sidetone/store'
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
/** When a webhook that is waited for is sent again, in case we did not live to see its end. */
const secondTryMs = 60_000

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

/** Sends a webhook of a flow once the step is committed, whatever dies; a `sync` one before the step is answered. */
export async function queueWebhook(
  core: Core,
  tx: Tx,
  { id: activeflow_id, customer_id }: ActiveflowRow,
  { webhook, deadline }: { webhook: ActionOption<'webhook_send'>; deadline: number },
): Promise<void> {
  const job: WebhookJob = { customer_id, activeflow_id, webhook, idempotency_key: randomUUID() }
  const later = webhook.sync ? { runAt: timeAfter(secondTryMs) } : { serialKey: activeflow_id }
  await core.jobs.enqueue(tx, jobType, job, later)
  if (!webhook.sync) return
  tx.afterCommit(() =>
    send(core, job, deadline).catch((err: unknown) => {
      core.log.warn({ err, activeflow_id, customer_id }, 'a webhook that a flow waits for is late; the flow goes on')
    }),
  )
}

/** Rejects when another attempt may go better. */
async function send(core: Core, job: WebhookJob, deadline?: number): Promise<void> {
  const { customer_id, activeflow_id, webhook, idempotency_key } = job
  const identity = internalIdentity(customer_id)
  try {
    await core
      .client(webhookContract)
      .webhook.send({ ...webhook, activeflow_id }, { identity, idempotency_key, deadline })
  } catch (err) {
    if (!(err instanceof ApiError) || !final.includes(err.status)) throw err
    core.log.warn({ err, activeflow_id, customer_id }, 'a webhook of a flow was refused')
  }
}

const final: string[] = ['INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'NOT_FOUND', 'PERMISSION_DENIED']
