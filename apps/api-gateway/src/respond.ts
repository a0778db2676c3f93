import { ApiError, commonError, type ErrorBody, httpStatusOf } from '@sidetone/contract'
import type { Logger } from '@sidetone/telemetry'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { GatewayEnv } from './gateway-env.ts'

/** The one shape in which the outside hears of a failure. */
export function errorResponse(c: Context<GatewayEnv>, error: unknown, log: Logger): Response {
  const apiError = error instanceof ApiError ? error : commonError('INTERNAL', { cause: error })
  const request_id = c.get('request_id')
  if (!(error instanceof ApiError)) log.error({ err: error, request_id, path: c.req.path }, 'request failed')
  const retryAfter = apiError.details?.find((detail) => 'retry_after' in detail)?.retry_after
  if (retryAfter !== undefined) c.header('Retry-After', String(retryAfter))
  else if (apiError.status === 'UNAVAILABLE') c.header('Retry-After', '1')
  const body: ErrorBody = { ...apiError.toBody(), request_id }
  return c.json({ error: body }, httpStatusOf[apiError.status] as ContentfulStatusCode)
}
