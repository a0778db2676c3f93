import { ApiError, commonError, type ErrorBody, httpStatusOf, type ReplyEnvelope } from '@sidetone/contract'

const data_type = 'application/json'

/** The answer that carries an output. */
export const replyOf = (data: unknown): ReplyEnvelope => ({ status_code: 200, data_type, data })

/** The answer that carries an error. */
export const errorReplyOf = (error: ApiError, request_id: string): ReplyEnvelope => ({
  status_code: httpStatusOf[error.status],
  data_type,
  data: { error: { ...error.toBody(), request_id } satisfies ErrorBody },
})

/** The error that an answer with a `status_code` of 400 or more carries. */
export function errorOfReply({ status_code, data }: ReplyEnvelope): ApiError {
  const body = (data as { error?: ErrorBody } | null | undefined)?.error
  if (!body) return commonError('INTERNAL', { cause: new Error(`answer ${status_code} without an error body`) })
  return new ApiError(body)
}
