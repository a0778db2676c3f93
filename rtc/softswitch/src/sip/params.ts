/** `;name=value` parameters of a URI or header; names are case-insensitive (RFC 3261 §7.3.1), a flag has the value ''. */
export type Params = Map<string, string>

/** Index of the first `separator` outside quoted strings and angle brackets, or -1; -2 when a quote or bracket stays open. */
export function indexOutsideQuotes(text: string, separator: string, from = 0): number {
  let quoted = false
  let angle = false
  for (let i = from; i < text.length; i++) {
    const char = text[i]
    if (quoted) {
      if (char === '\\') i++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = true
    else if (!angle && char === separator) return i
    else if (char === '<') angle = true
    else if (char === '>') angle = false
  }
  return quoted || angle ? -2 : -1
}

/** Splits at `separator`, leaving quoted strings and `<…>` whole. */
export function splitOutsideQuotes(text: string, separator: string): string[] | null {
  const parts: string[] = []
  let start = 0
  for (;;) {
    const at = indexOutsideQuotes(text, separator, start)
    if (at === -2) return null
    parts.push(text.slice(start, at === -1 ? undefined : at).trim())
    if (at === -1) return parts
    start = at + 1
  }
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/

export const isToken = (text: string): boolean => TOKEN.test(text)

export function unquote(text: string): string {
  return text.startsWith('"') && text.endsWith('"') && text.length >= 2
    ? text.slice(1, -1).replace(/\\(.)/gs, '$1')
    : text
}

export const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

/** Parses what follows the first `;` (without it). `null` when a name is no token. */
export function parseParams(text: string, separator = ';'): Params | null {
  const params: Params = new Map()
  if (text.trim() === '') return params
  const parts = splitOutsideQuotes(text, separator)
  if (!parts) return null
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).trim()
    // RFC 3261 §25.1 paramchar allows []/:&+$ in URI parameter names; nobody uses them, so a token is asked for.
    if (!isToken(name)) return null
    params.set(name.toLowerCase(), equals < 0 ? '' : unquote(part.slice(equals + 1).trim()))
  }
  return params
}

export function formatParams(params: Params): string {
  let text = ''
  for (const [name, value] of params) {
    text += value === '' ? `;${name}` : `;${name}=${/^[^\s;,"<>]+$/.test(value) ? value : quote(value)}`
  }
  return text
}
