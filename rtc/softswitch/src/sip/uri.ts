import { isIPv6 } from 'node:net'
import type { Protocol } from './flow.ts'
import { formatParams, type Params, parseParams } from './params.ts'

/** A SIP or SIPS URI (RFC 3261 §19.1). `user` is percent-decoded; `tel:` is read as a SIP URI without a host. */
export interface SipUri {
  scheme: 'sip' | 'sips' | 'tel'
  user: string
  host: string
  port?: number | undefined
  params: Params
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])$/
// RFC 3261 §25.1 user = 1*( unreserved / escaped / user-unreserved )
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#[\]]|%[0-9A-Fa-f]{2})+$/

export function parseUri(text: string): SipUri | null {
  const colon = text.indexOf(':')
  if (colon < 0) return null
  const scheme = text.slice(0, colon).toLowerCase()
  let rest = text.slice(colon + 1)
  if (scheme === 'tel') {
    const [number = '', ...params] = rest.split(';')
    const parsed = parseParams(params.join(';'))
    return /^\+?[0-9A-Fa-f*#().-]+$/.test(number) && parsed
      ? { scheme, user: number.replace(/[().-]/g, ''), host: '', params: parsed }
      : null
  }
  if (scheme !== 'sip' && scheme !== 'sips') return null

  let user = ''
  const at = rest.lastIndexOf('@')
  if (at >= 0) {
    const [name = ''] = rest.slice(0, at).split(':')
    if (!USER.test(name)) return null
    const decoded = percentDecode(name)
    if (decoded === null) return null
    user = decoded
    rest = rest.slice(at + 1)
  }
  const headers = rest.indexOf('?')
  if (headers >= 0) rest = rest.slice(0, headers) // URI headers (§19.1.1) are not used here
  const semicolon = rest.indexOf(';')
  const hostport = semicolon < 0 ? rest : rest.slice(0, semicolon)
  const params = parseParams(semicolon < 0 ? '' : rest.slice(semicolon + 1))
  const address = parseHostPort(hostport)
  return params && address ? { scheme, user, ...address, params } : null
}

/** The headers of a URI, which only Refer-To has a use for (RFC 3515 §2.1): `?Replaces=…`, names in lower case. */
export function uriHeaders(text: string): Map<string, string> {
  const found = /\?([^>\s]*)/.exec(text.slice(text.lastIndexOf('@') + 1))?.[1] ?? ''
  const headers = new Map<string, string>()
  for (const pair of found.split('&')) {
    const equals = pair.indexOf('=')
    const value = percentDecode(pair.slice(equals + 1))
    if (equals > 0 && value !== null) headers.set(pair.slice(0, equals).toLowerCase(), value)
  }
  return headers
}

export function parseHostPort(text: string): { host: string; port?: number | undefined } | null {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text.trim())
  if (!match) return null
  const [, host = '', digits] = match
  if (!HOST.test(host) || (host.startsWith('[') && !isIPv6(host.slice(1, -1)))) return null
  const port = digits === undefined ? undefined : Number(digits)
  return port !== undefined && (port === 0 || port > 65535) ? null : { host: host.toLowerCase(), port }
}

function percentDecode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

const encodeUser = (user: string): string =>
  user.toWellFormed().replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu, encodeURIComponent)

export function formatUri({ scheme, user, host, port, params }: SipUri): string {
  const who = user === '' ? '' : host === '' ? user : `${encodeUser(user)}@`
  return `${scheme}:${who}${host}${port === undefined ? '' : `:${port}`}${formatParams(params)}`
}

/** What a URI asks to be reached by (RFC 3261 §19.1.1, RFC 3263 §4.1); `undefined` where it leaves that open. */
export function protocolOf({ scheme, params }: SipUri): Protocol | undefined {
  if (scheme === 'sips') return 'TLS'
  const asked = params.get('transport')?.toUpperCase()
  return asked === 'UDP' || asked === 'TCP' || asked === 'TLS' || asked === 'WS' ? asked : undefined
}

/** Host without IPv6 brackets, as sockets want it. */
export const bareHost = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host)
