// The elements of SSML 1.1; any other < is part of what is to be said.
const element =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<\/?(speak|p|s|break|sub|prosody|emphasis|say-as|phoneme|voice|audio|desc|mark|token|w|lang|lexicon|lookup|meta|metadata)\b([^<>]*)>/gi
const longestBreakMs = 10_000
const strengths: Record<string, number> = {
  none: 0,
  'x-weak': 100,
  weak: 200,
  medium: 400,
  strong: 700,
  'x-strong': 1200,
}

/** What the engine is to read: the text with its breaks, substitutes and ends of sentences; all other markup is taken away. */
export function speakable(text: string): string {
  const parts: string[] = []
  let from = 0
  let substituted = false
  const say = (piece: string) => {
    if (!substituted) parts.push(escaped(unescaped(piece)))
  }
  for (const match of text.matchAll(element)) {
    say(text.slice(from, match.index))
    from = match.index + match[0].length
    const [tag, name = '', attributes = ''] = [match[0], match[1]?.toLowerCase(), match[2]]
    const closing = tag.startsWith('</')
    if (name === 'break') parts.push(`<break time="${breakMs(attributes)}ms"/>`)
    if ((name === 'p' || name === 's') && closing) parts.push('\n\n')
    if (name === 'sub') {
      if (closing) substituted = false
      const alias = attribute(attributes, 'alias')
      if (!closing && alias !== undefined) {
        say(alias)
        substituted = !attributes.endsWith('/')
      }
    }
  }
  say(text.slice(from))
  return parts.join('').trim()
}

/** What is left to be heard: letters and digits, not markup. */
export function isSilent(spoken: string): boolean {
  return !/[\p{L}\p{N}\p{S}&]/u.test(spoken.replaceAll(/<break [^>]*>/g, ''))
}

function breakMs(attributes: string): number {
  const [, amount, unit] = /^([\d.]+)(ms|s)$/.exec(attribute(attributes, 'time') ?? '') ?? []
  const ms = amount
    ? Number(amount) * (unit === 's' ? 1000 : 1)
    : strengths[attribute(attributes, 'strength') ?? 'medium']
  return Math.round(Math.min(Number.isFinite(ms) ? ms! : strengths.medium!, longestBreakMs))
}

function attribute(attributes: string, name: string): string | undefined {
  const [, , value] = new RegExp(`\\b${name}\\s*=\\s*(["'])(.*?)\\1`, 'i').exec(attributes) ?? []
  return value
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function unescaped(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/gi,
    (whole, decimal, hex, named) => {
      if (named) return entities[named.toLowerCase()]!
      const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole
    },
  )
}

function escaped(text: string): string {
  const clean = text.toWellFormed().replaceAll(/[^\P{Cc}\n\t]/gu, ' ')
  return clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
