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

/** Thrown by a handler that has not begun, for want of something that is scarce: no failure, and no attempt that counts. */
export class NotYet extends Error {
  override readonly name = 'NotYet'
  readonly date: Date

  constructor(date: Date) {
    super('not yet')
    this.date = date
  }
}
