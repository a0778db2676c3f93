/** What kind of failure, and the HTTP status it becomes at the gateway. The only such table. */
export const httpStatusOf = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PAYMENT_REQUIRED: 402,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  PAYLOAD_TOO_LARGE: 413,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const
export type ErrorStatus = keyof typeof httpStatusOf

/** One declared error of a contract. */
export interface ErrorDefinition {
  status: ErrorStatus
  message: string
}

/** Errors that any operation may end with; everything else must be declared by its contract. */
export const commonErrors = {
  INVALID_ARGUMENT: { status: 'INVALID_ARGUMENT', message: 'The request is not valid.' },
  INVALID_JSON_BODY: { status: 'INVALID_ARGUMENT', message: 'The body is not valid JSON.' },
  AUTHENTICATION_REQUIRED: {
    status: 'UNAUTHENTICATED',
    message: 'Send a token (Authorization: Bearer) or an accesskey (?accesskey=).',
  },
  INVALID_CREDENTIALS: { status: 'UNAUTHENTICATED', message: 'The credentials are wrong, expired or revoked.' },
  PERMISSION_DENIED: { status: 'PERMISSION_DENIED', message: 'This identity may not do that.' },
  ACCOUNT_FROZEN: { status: 'PERMISSION_DENIED', message: 'The account is frozen and will be deleted; see details.' },
  ROUTE_NOT_FOUND: { status: 'NOT_FOUND', message: 'There is no such route.' },
  PAYLOAD_TOO_LARGE: { status: 'PAYLOAD_TOO_LARGE', message: 'The body is too large.' },
  RATE_LIMIT_EXCEEDED: { status: 'RESOURCE_EXHAUSTED', message: 'Too many requests; see Retry-After.' },
  IDEMPOTENCY_KEY_REUSED: {
    status: 'FAILED_PRECONDITION',
    message: 'This Idempotency-Key was used for a different request; take a new one.',
  },
  REQUEST_IN_PROGRESS: {
    status: 'FAILED_PRECONDITION',
    message: 'The first request with this Idempotency-Key is still running; ask again later.',
  },
  OUTCOME_UNKNOWN: {
    status: 'FAILED_PRECONDITION',
    message: 'The first attempt was cut off; look for its effect before repeating it with a new Idempotency-Key.',
  },
  SERVICE_UNAVAILABLE: { status: 'UNAVAILABLE', message: 'The service is not available; try again.' },
  DEADLINE_EXCEEDED: { status: 'DEADLINE_EXCEEDED', message: 'The answer did not arrive in time.' },
  INTERNAL: { status: 'INTERNAL', message: 'Something went wrong on our side.' },
} as const satisfies Record<string, ErrorDefinition>
export type CommonReason = keyof typeof commonErrors

/** A detail of an error: which field is wrong and what would be right, or any other structured hint. */
export type ErrorDetail = Record<string, unknown>

/** The wire form of an error, inside `{ error: … }`. */
export interface ErrorBody {
  status: ErrorStatus
  reason: string
  message: string
  request_id?: string
  details?: ErrorDetail[]
}

/** A failure that the caller is told about. Anything else thrown by a handler becomes INTERNAL. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: ErrorStatus
  readonly reason: string
  readonly details: ErrorDetail[] | undefined

  constructor({ status, reason, message, details }: Omit<ErrorBody, 'request_id'>, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.reason = reason
    this.details = details
  }

  toBody(): Omit<ErrorBody, 'request_id'> {
    const { status, reason, message, details } = this
    return details ? { status, reason, message, details } : { status, reason, message }
  }
}

/** What may refine a declared error when it is thrown. */
export interface ErrorOverrides {
  message?: string
  details?: ErrorDetail[]
  cause?: unknown
}

/** Makes the error that `reason` stands for in `definitions`. */
export function errorOf(
  definitions: Record<string, ErrorDefinition>,
  reason: string,
  { message, details, cause }: ErrorOverrides = {},
): ApiError {
  const definition = definitions[reason] ?? commonErrors.INTERNAL
  return new ApiError(
    { status: definition.status, reason, message: message ?? definition.message, ...(details && { details }) },
    { cause },
  )
}

/** Makes one of the errors that every operation may end with. */
export const commonError = (reason: CommonReason, overrides?: ErrorOverrides): ApiError =>
  errorOf(commonErrors, reason, overrides)
