import { formatParams, indexOutsideQuotes, type Params, parseParams, quote, unquote } from './params.ts'
import { formatUri, parseUri, type SipUri } from './uri.ts'

/** The value of From, To, Contact, Route … (RFC 3261 §20.10): `"Name" <uri>;param`. */
export interface NameAddr {
  displayName: string
  uri: SipUri
  params: Params
}

export function parseNameAddr(text: string): NameAddr | null {
  const value = text.trim()
  const open = indexOutsideBefore(value)
  if (open < 0) {
    // §20.10: without angle brackets everything after the semicolon belongs to the header, not to the URI.
    const semicolon = value.indexOf(';')
    // Nor may it have headers: whose they were nobody could say.
    if (value.includes('?')) return null
    const uri = parseUri(semicolon < 0 ? value : value.slice(0, semicolon))
    const params = parseParams(semicolon < 0 ? '' : value.slice(semicolon + 1))
    return uri && params ? { displayName: '', uri, params } : null
  }
  const close = value.indexOf('>', open)
  if (close < 0) return null
  const displayName = value.slice(0, open).trim()
  if (displayName !== '' && !displayName.startsWith('"') && !/^[\w\s\-.!%*+`'~\u0080-\uffff]*$/.test(displayName))
    return null
  if (displayName.startsWith('"') && !/^"(?:[^"\\]|\\.)*"$/s.test(displayName)) return null
  const uri = parseUri(value.slice(open + 1, close).trim())
  const after = value.slice(close + 1).trim()
  if (!uri || (after !== '' && !after.startsWith(';'))) return null
  const params = parseParams(after.slice(1))
  return params ? { displayName: unquote(displayName), uri, params } : null
}

/** Where `<` opens, outside the quoted display name. */
function indexOutsideBefore(value: string): number {
  const at = indexOutsideQuotes(value, '<')
  return at < 0 ? -1 : at
}

export function formatNameAddr({ displayName, uri, params }: NameAddr): string {
  return `${displayName === '' ? '' : `${quote(displayName)} `}<${formatUri(uri)}>${formatParams(params)}`
}
