import { type Identity, nilId, permissionBits } from '@sidetone/contract'
import type { StreamEvent } from '@sidetone/proto-schemas/timeline'

/** `<scope>:<scope id>[:<resource>[:<resource id>]]`; a shorter topic stands for all that begins with it. */
const form = /^(customer_id|agent_id):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(:[A-Za-z0-9_.-]+)*$/

/** Why the identity may not subscribe to the topic; `undefined` when it may. */
export function topicProblem(topic: string, identity: Identity): string | undefined {
  if (!form.test(topic)) return 'must look like customer_id:<uuid>[:<resource>[:<id>]] or agent_id:<uuid>[:…]'
  const [scope, id] = topic.split(':')
  if (identity.permission & permissionBits.project_super_admin && scope === 'customer_id') return undefined
  if (scope === 'agent_id')
    return id === identity.agent_id && id !== nilId ? undefined : 'is the topic of another agent'
  const mayHear = identity.permission & (permissionBits.customer_admin | permissionBits.customer_manager)
  return id === identity.customer_id && mayHear ? undefined : 'is not yours to hear'
}

/** Whose events a topic is about: agents' events are found among their customer's. */
export const customerOf = (topic: string, identity: Identity): string =>
  topic.startsWith('customer_id:') ? topic.split(':')[1]! : identity.customer_id

/** All the topics that an event answers to, longest form. */
export function topicsOf(event: StreamEvent): string[] {
  const about = `${event.resource}:${event.resource_id}`
  const named = `${event.publisher}-manager:${event.type}:${event.resource_id}`
  const topics = [`customer_id:${event.customer_id}:${about}`, `customer_id:${event.customer_id}:${named}`]
  if (event.owner_id !== nilId)
    topics.push(`agent_id:${event.owner_id}:${about}`, `agent_id:${event.owner_id}:${named}`)
  return topics
}

/** Whether a subscription covers a topic: the same, or a prefix that ends at a colon. */
export const covers = (subscribed: string, topic: string): boolean =>
  topic.startsWith(subscribed) && (topic.length === subscribed.length || topic[subscribed.length] === ':')
