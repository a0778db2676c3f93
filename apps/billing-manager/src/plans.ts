import type { PlanType } from '@sidetone/proto-schemas/billing'

/** Tokens that an account has at the beginning of each month; what is left of the last month's is gone. */
export const monthlyTokens: Record<PlanType, number> = { free: 100, basic: 1_000, professional: 10_000, unlimited: 0 }
