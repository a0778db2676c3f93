/** Thrown by a handler for which no further attempt makes sense. */
export class JobAbandoned extends Error {
  override readonly name = 'JobAbandoned'
}

/** Thrown by a handler that knows better than the backoff when to try again: `retryAt(new Date(…))`. */
export class RetryAt extends Error {
  override readonly name = 'RetryAt'
  readonly date: Date

  constructor(date: Date, reason = 'to be tried again later') {
    super(reason)
    this.date = date
  }
}
