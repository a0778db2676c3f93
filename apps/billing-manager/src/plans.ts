import type { PlanResource, PlanType } from '@sidetone/proto-schemas/billing'

/** Tokens that an account has at the beginning of each month; what is left of the last month's is gone. */
export const monthlyTokens: Record<PlanType, number> = { free: 100, basic: 1_000, professional: 10_000, unlimited: 0 }

/**
 * How many of each a customer may have; on the plan `unlimited` any number. Of flows, access keys and tags more than anybody needs, so
 * that a program gone wild does not fill the platform; of webhook endpoints fewer, since each event may be sent to all of them.
 */
const limits: Record<PlanResource, Record<Exclude<PlanType, 'unlimited'>, number>> = {
  extension: { free: 5, basic: 50, professional: 500 },
  agent: { free: 5, basic: 50, professional: 500 },
  trunk: { free: 1, basic: 5, professional: 50 },
  virtual_number: { free: 5, basic: 50, professional: 500 },
  flow: { free: 1_000, basic: 10_000, professional: 100_000 },
  accesskey: { free: 100, basic: 1_000, professional: 10_000 },
  tag: { free: 1_000, basic: 10_000, professional: 100_000 },
  webhook_endpoint: { free: 10, basic: 50, professional: 500 },
}

export const limitOf = (plan: PlanType, resource: PlanResource): number | null =>
  plan === 'unlimited' ? null : limits[resource][plan]
