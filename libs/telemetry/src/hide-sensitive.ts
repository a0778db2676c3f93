// What must not be read in a log: what lets someone in, what a caller typed, what was said or written.
const anywhere =
  /(?:password|passwd|secret|token|authorization|access_?key|api[-_]?key|private_?key|credentials?|cookie|signature|transcript)$/i
const wholeWord = /(?:^|[-_])(?:body|digits?|dtmf|ha1|text)$/i
const deepest = 8

/**
 * The same object when nothing in it is sensitive, otherwise a copy without it, at any depth.
 * (pino's own redaction knows fixed paths only and cost about 50 µs a line with these keys.)
 */
export function hideSensitive<T extends object>(value: T, depth = 0): T {
  let copy: Record<string, unknown> | undefined
  for (const key of Object.keys(value)) {
    const inner = (value as Record<string, unknown>)[key]
    const shown = hideOne(key, inner, depth)
    if (shown === inner) continue
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
    copy[key] = shown
  }
  return (copy ?? value) as T
}

function hideOne(key: string, value: unknown, depth: number): unknown {
  if (value === undefined || value === null) return value
  if (anywhere.test(key) || wholeWord.test(key)) return '[hidden]'
  if (typeof value !== 'object' || 'toJSON' in value) return value
  if (value instanceof Error) return describeError(value)
  return depth < deepest ? hideSensitive(value, depth + 1) : '[too deep]'
}

/** Not every property, as pino does it: the errors of clients carry the commands they sent, secrets included. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const { code } = error as NodeJS.ErrnoException
  return {
    type: name,
    message,
    ...(code !== undefined && { code }),
    stack,
    ...(cause instanceof Error && { cause: describeError(cause) }),
  }
}
