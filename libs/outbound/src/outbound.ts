import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Agent, request } from 'undici'
import { createJudge } from './addresses.ts'
import { acceptEncoding, readBody } from './body.ts'
import { guardedConnector, unbracketed } from './connect.ts'
import { OutboundFailed, OutboundRefused, OutboundTimeout, OutboundTooLarge } from './errors.ts'

/** `allow` holds the networks of OUTBOUND_ALLOW; times and sizes are what a request gets that names none. */
export interface OutboundOptions {
  allow: readonly string[]
  timeoutMs: number
  maxBytes: number
  maxRedirects: number
  userAgent: string
}

/** Redirects are followed for GET and HEAD only; with `maxRedirects: 0`, and for all other methods, they are the answer. */
export interface OutboundRequest {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | undefined
  headers?: Record<string, string> | undefined
  body?: string | Uint8Array | undefined
  timeoutMs?: number | undefined
  maxBytes?: number | undefined
  maxRedirects?: number | undefined
}

/** `url` is where the answer came from, after redirects; header names are in lower case, the body is unpacked. */
export interface OutboundResponse {
  status: number
  headers: Record<string, string>
  body: Buffer
  url: string
}

/** HTTP to the URLs that customers give. Throws OutboundRefused, OutboundTimeout, OutboundTooLarge or OutboundFailed. */
export interface Outbound {
  /** Whether a request to the URL would be let out now; for a URL that is stored and used later. */
  check(url: string): Promise<void>
  /** The first address of a host, all of which may be reached; for what does not speak HTTP. `[::1]` is `::1`. */
  addressOf(host: string): Promise<string>
  fetch(url: string, options?: OutboundRequest): Promise<OutboundResponse>
  close(): Promise<void>
}

const ownHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
// What a customer's own host was given is no business of the host it redirects to.
const headersForAnyone = new Set(['accept', 'accept-language'])
const redirects = new Set([301, 302, 303, 307, 308])

/** The one guard through which every request to a customer's URL leaves. */
export function createOutbound(options: OutboundOptions): Outbound {
  const judge = createJudge(options.allow)
  const agent = new Agent({
    connect: guardedConnector(judge, Math.min(options.timeoutMs, 10_000)),
    connections: 16,
    keepAliveTimeout: 4000,
    // The request's own deadline bounds both.
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  const resolve = async (hostname: string): Promise<string> => {
    const host = unbracketed(hostname)
    const addresses = isIP(host) ? [{ address: host }] : await lookup(host, { all: true })
    for (const { address } of addresses) judge(address, host)
    return addresses[0]!.address
  }

  const send = async (first: string, asked: OutboundRequest, signal: AbortSignal): Promise<OutboundResponse> => {
    const { method = 'GET', body, maxBytes = options.maxBytes } = asked
    const followed = method === 'GET' || method === 'HEAD' ? (asked.maxRedirects ?? options.maxRedirects) : 0
    let headers = givenHeaders(asked.headers ?? {})
    let url = parseUrl(first)
    for (let hop = 0; ; hop++) {
      const answer = await request(url, {
        dispatcher: agent,
        method,
        headers: { 'user-agent': options.userAgent, ...headers, 'accept-encoding': acceptEncoding },
        body: body ?? null,
        signal,
      })
      const location = answer.headers.location
      if (followed > 0 && redirects.has(answer.statusCode) && typeof location === 'string') {
        // Reading on would be a transfer of any size for nothing.
        answer.body.on('error', () => {}).destroy()
        if (hop === followed) throw new OutboundFailed(`${place(url)} redirects more than ${followed} times`)
        const next = parseUrl(location, url)
        if (next.origin !== url.origin)
          headers = Object.fromEntries(Object.entries(headers).filter(([name]) => headersForAnyone.has(name)))
        url = next
        continue
      }
      const { 'content-encoding': encoding = '', ...received } = flatHeaders(answer.headers)
      const packing = method === 'HEAD' ? '' : encoding.trim().toLowerCase()
      const content = await readBody(answer.body, packing, maxBytes, place(url))
      return { status: answer.statusCode, headers: received, body: content, url: url.href }
    }
  }

  const within = async <T>(url: string, timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const deadline = new AbortController()
    const late = new OutboundTimeout(`${place(url)} did not answer in full within ${timeoutMs} ms`)
    const timer = setTimeout(() => deadline.abort(late), timeoutMs)
    try {
      const expired = new Promise<never>((_resolve, reject) => {
        deadline.signal.addEventListener('abort', () => reject(late))
      })
      return await Promise.race([work(deadline.signal), expired])
    } catch (error) {
      throw typed(error, url)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    check: (url) =>
      within(url, options.timeoutMs, async () => {
        await resolve(parseUrl(url).hostname)
      }),
    addressOf: (host) => within(host, options.timeoutMs, () => resolve(host)),
    fetch: (url, asked = {}) => within(url, asked.timeoutMs ?? options.timeoutMs, (signal) => send(url, asked, signal)),
    close: () => agent.close(),
  }
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (!url) throw new OutboundRefused(`'${text.slice(0, 200)}' is no URL`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutboundRefused(`'${url.protocol}' is not allowed: a URL must begin with http:// or https://`)
  }
  if (url.username || url.password)
    throw new OutboundRefused('a URL must not hold a user name or password; use a header')
  return url
}

function givenHeaders(headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const own = entries.find(([name]) => ownHeaders.has(name) || name.startsWith('proxy-'))
  if (own) throw new OutboundRefused(`the header '${own[0]}' cannot be set`)
  return Object.fromEntries(entries)
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
}

/** Where the URL leads, without its query and user, which may be secret. */
function place(url: string | URL): string {
  const parsed = URL.parse(String(url))
  return parsed ? `${parsed.origin}${parsed.pathname}`.slice(0, 200) : 'the URL'
}

function typed(error: unknown, url: string): Error {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutboundRefused || cause instanceof OutboundTimeout) return cause
    if (cause instanceof OutboundTooLarge || cause instanceof OutboundFailed) return cause
  }
  const { message, code } = error as NodeJS.ErrnoException
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return new OutboundTimeout(`${place(url)} accepts no connection`, { cause: error })
  return new OutboundFailed(`${place(url)} could not be fetched: ${message || code}`, { cause: error })
}
