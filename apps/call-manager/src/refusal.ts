import type { ApiError, ErrorDetail } from '@sidetone/contract'
import { dialErrorDefinitions } from '@sidetone/proto-schemas/dial'

type RefusalReason = keyof typeof dialErrorDefinitions

/** Why something is not dialled. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: RefusalReason
  readonly details: ErrorDetail[] | undefined

  constructor(
    reason: RefusalReason,
    message: string = dialErrorDefinitions[reason].message,
    details?: ErrorDetail[] | undefined,
  ) {
    super(message)
    this.reason = reason
    this.details = details
  }
}

type Fail = (reason: RefusalReason, overrides: { message: string; details?: ErrorDetail[] }) => ApiError

/** Tells who asked by REST why nothing was dialled. */
export const declared = <T>(fail: Fail, dialled: Promise<T>): Promise<T> =>
  dialled.catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error
    const { reason, message, details } = error
    throw fail(reason, { message, ...(details && { details }) })
  })
