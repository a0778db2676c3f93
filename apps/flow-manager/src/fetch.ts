import { type Answer, checkActions } from '@sidetone/flow-engine'
import { OutboundFailed, OutboundRefused, OutboundTimeout, OutboundTooLarge } from '@sidetone/outbound'
import { ActionInput, type ActionOption } from '@sidetone/proto-schemas/action'
import { z } from 'zod'
import type { ActiveflowRow } from './activeflow-row.ts'
import type { Core } from './core.ts'

const limits = { timeoutMs: 5_000, maxBytes: 262_144, maxRedirects: 3 }
const maxActions = 1_000
const attempts = 2

type Fetch = ActionOption<'fetch'>

/** Asks a URL of the customer for actions. A hiccup is forgiven once. */
export async function fetchActions(
  { outbound }: Core,
  row: ActiveflowRow,
  { event_url, event_method }: Fetch,
): Promise<Answer> {
  const method = event_method || 'POST'
  const body = JSON.stringify({
    activeflow_id: row.id,
    reference_type: row.reference_type,
    reference_id: row.reference_id,
  })
  const request = {
    ...{ method, ...limits },
    headers: { accept: 'application/json', ...(method !== 'GET' && { 'content-type': 'application/json' }) },
    ...(method !== 'GET' && { body }),
  }
  for (let attempt = 1; ; attempt++) {
    try {
      const { status, body: answer } = await outbound.fetch(event_url, request)
      if (status >= 200 && status < 300) return actionsOf(answer)
      if (status < 500 || attempt === attempts) return { problem: `event_url answered with status ${status}` }
    } catch (error) {
      const isFinal = error instanceof OutboundRefused || error instanceof OutboundTooLarge
      const isKnown = isFinal || error instanceof OutboundTimeout || error instanceof OutboundFailed
      if (!isKnown) throw error
      if (isFinal || attempt === attempts) return { problem: `event_url: ${(error as Error).message}` }
    }
  }
}

function actionsOf(body: Buffer): Answer {
  if (body.length === 0) return {}
  const parsed = z.array(ActionInput).max(maxActions).safeParse(jsonOf(body))
  if (!parsed.success) return { problem: 'event_url did not answer with a JSON list of actions' }
  const { actions, problems } = checkActions(parsed.data)
  const [first] = problems
  return first ? { problem: `event_url: ${first.field}: ${first.problem}` } : { actions }
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
