import { type Outbound, type OutboundRequest, ProviderRefused } from '@sidetone/outbound'
import type { AvailableNumber, PhoneNumber } from '@sidetone/proto-schemas/number'

/** Sells phone numbers. It throws `ProviderRefused` (nothing has changed there) or `ProviderUnavailable`. */
export interface NumberProvider {
  name: Exclude<PhoneNumber['provider_name'], ''>
  /** Refused for countries in which it sells none. */
  search: (country_code: string, limit: number) => Promise<AvailableNumber[]>
  /** Buys a number under a reference of ours. */
  buy: (number: string, reference: string) => Promise<Pick<PhoneNumber, 't38_enabled' | 'emergency_enabled'>>
  /** Gives back whatever was bought under a reference; nothing is as good. */
  release: (reference: string) => Promise<void>
}

/** The provider cannot do it now, or did not say whether it did: that is to be found out later. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable'
  /** How long it wants to be left alone. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, { retryAfterMs, cause }: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(message, { cause })
    this.retryAfterMs = retryAfterMs
  }
}

/** What a provider says about a request itself; a wrong key (401, 403) is the platform's trouble and passes. */
const refusals = new Set([400, 404, 409, 422])

/** One request to a provider's API. `problemIn` finds the reason in the JSON of an error. */
export async function ask<T>(
  outbound: Outbound,
  url: string,
  { problemIn, ...request }: OutboundRequest & { problemIn: (body: unknown) => string | undefined },
): Promise<T> {
  const { status, headers, body } = await outbound.fetch(url, { ...request, maxRedirects: 0 }).catch((cause: Error) => {
    throw new ProviderUnavailable(cause.message, { cause })
  })
  const text = body.toString()
  if (status >= 200 && status <= 299) return parsed(url, text) as T
  const problem = `${new URL(url).host} answered ${status}: ${reasonIn(text, problemIn)}`
  if (refusals.has(status)) throw new ProviderRefused(status, problem)
  throw new ProviderUnavailable(problem, { retryAfterMs: retryAfterMs(headers['retry-after']) })
}

function parsed(url: string, text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw new ProviderUnavailable(`${new URL(url).host} answered no JSON`, { cause })
  }
}

/** Gone already is as good. */
export async function unlessGone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!(error instanceof ProviderRefused && error.status === 404)) throw error
  })
}

function reasonIn(text: string, problemIn: (body: unknown) => string | undefined): string {
  try {
    return problemIn(JSON.parse(text)) ?? 'no reason given'
  } catch {
    return 'no reason given'
  }
}

/** RFC 9110 section 10.2.3, of which providers send the seconds. */
const retryAfterMs = (header: string | undefined): number | undefined =>
  header !== undefined && /^[0-9]{1,5}$/.test(header) ? Number(header) * 1_000 : undefined
