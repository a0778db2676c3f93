import { ApiError, type Bytes, commonError, type ErrorBody, httpStatusOf } from '@sidetone/contract'
import type { Logger } from '@sidetone/telemetry'
import type { Context } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

/** An answer in JSON. */
export const jsonResponse = (c: Context<GatewayEnv>, value: unknown, status = 200): Response =>
  jsonTextResponse(c, JSON.stringify(value), status)

/** An answer that is JSON already. */
export function jsonTextResponse(c: Context<GatewayEnv>, text: string, status = 200): Response {
  const { headers } = c.env
  headers['Content-Type'] = 'application/json'
  return new Response(text, { status, headers })
}

/** An answer that is to be kept as a file. */
export function bytesResponse(c: Context<GatewayEnv>, { content_type, filename, base64 }: Bytes): Response {
  const { headers } = c.env
  headers['Content-Type'] = content_type
  headers['Content-Disposition'] = `attachment; filename="${filename}"`
  return new Response(Buffer.from(base64, 'base64'), { headers })
}

/** The one shape in which the outside hears of a failure. */
export function errorResponse(c: Context<GatewayEnv>, error: unknown, log: Logger): Response {
  const apiError = error instanceof ApiError ? error : commonError('INTERNAL', { cause: error })
  const { request_id, headers } = c.env
  if (!(error instanceof ApiError)) log.error({ err: error, request_id, path: c.req.path }, 'request failed')
  const retryAfter = apiError.details?.find((detail) => 'retry_after' in detail)?.retry_after
  if (retryAfter !== undefined) headers['Retry-After'] = String(retryAfter)
  else if (apiError.status === 'UNAVAILABLE') headers['Retry-After'] = '1'
  const body: ErrorBody = { ...apiError.toBody(), request_id }
  return jsonResponse(c, { error: body }, httpStatusOf[apiError.status])
}
