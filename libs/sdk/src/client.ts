import { type Operations, operations } from './generated/operations.ts'

/** One operation: its input, and options for this call alone. */
export type Method<Input, Output> =
  Record<string, never> extends Input
    ? (input?: Input, options?: CallOptions) => Promise<Output>
    : (input: Input, options?: CallOptions) => Promise<Output>

export interface CallOptions {
  /** Makes a repeated POST harmless: the second one gets the first one's answer. */
  idempotencyKey?: string
  signal?: AbortSignal
}

export interface OperationRow {
  method: string
  path: string
  parameters: string[]
  /** The answer is a file. */
  binary?: boolean
  /** The input goes as a form, because it has a file. */
  upload?: boolean
}

export interface ClientOptions {
  /** Where the gateway is, e.g. `http://127.0.0.1:8080`. */
  baseUrl: string
  /** A token from `session.login`, or an access key. */
  token?: string
}

/** A failure as the gateway reports it; `reason` is stable, `message` names the field and the fix. */
export class SidetoneError extends Error {
  override readonly name = 'SidetoneError'
  readonly httpStatus: number
  readonly status: string
  readonly reason: string
  readonly requestId: string
  readonly details: Record<string, unknown>[]

  constructor(
    httpStatus: number,
    body: {
      status?: string
      reason?: string
      message?: string
      request_id?: string
      details?: Record<string, unknown>[]
    },
  ) {
    super(body.message ?? `HTTP ${httpStatus}`)
    this.httpStatus = httpStatus
    this.status = body.status ?? 'INTERNAL'
    this.reason = body.reason ?? 'INTERNAL'
    this.requestId = body.request_id ?? ''
    this.details = body.details ?? []
  }
}

/** A typed client of the REST API: `sidetone.tag.create({ name: 'vip' })`. */
export function createSidetone(options: ClientOptions): Operations {
  const resources = Object.entries(operations).map(([resource, rows]) => [
    resource,
    Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, callOf(row, options)])),
  ])
  return Object.fromEntries(resources) as Operations
}

const callOf =
  ({ method, path, parameters, binary, upload }: OperationRow, { baseUrl, token }: ClientOptions) =>
  async (input: Record<string, unknown> = {}, { idempotencyKey, signal }: CallOptions = {}): Promise<unknown> => {
    const rest = { ...input }
    let filled = path
    for (const name of parameters) {
      filled = filled.replace(`{${name}}`, encodeURIComponent(String(rest[name])))
      delete rest[name]
    }
    const headers: Record<string, string> = {}
    if (token) headers.Authorization = `Bearer ${token}`
    if (idempotencyKey) headers['Idempotency-Key'] = idempotencyKey
    const init: RequestInit = { method, headers, redirect: 'manual', ...(signal && { signal }) }
    if (method === 'GET') {
      const query = new URLSearchParams(
        Object.entries(rest).map(([name, value]): [string, string] => [name, String(value)]),
      )
      if (query.size > 0) filled += `?${query}`
    } else if (upload) {
      init.body = formOf(rest)
    } else if (Object.keys(rest).length > 0) {
      headers['Content-Type'] = 'application/json'
      init.body = JSON.stringify(rest)
    }
    const response = await fetch(new URL(filled, baseUrl), init)
    if (response.status === 307) return { location: response.headers.get('location') }
    if (binary && response.ok) return response.blob()
    const body = (await response.json().catch(() => ({}))) as { error?: object }
    if (!response.ok) throw new SidetoneError(response.status, body.error ?? {})
    return body
  }

function formOf(input: Record<string, unknown>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(input)) {
    if (value instanceof Blob) form.set(name, value)
    else form.set(name, String(value))
  }
  return form
}
