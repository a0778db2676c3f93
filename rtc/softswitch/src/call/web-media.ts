import { type Clip, readClip } from '../media/index.ts'

interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

interface Kept {
  clip: Clip
  freshUntil: number
  /** What asks whether it has changed (RFC 9110 section 13.1). */
  validators: Record<string, string>
}

/**
 * Audio files behind URLs. What was fetched is kept as its server allows (RFC 9111), the least recently played goes first, and
 * a file that many calls want at once is fetched once.
 */
export function createWebMedia(options: {
  fetch(url: string, headers: Record<string, string>): Promise<Answer>
  decodeMp3(bytes: Buffer): Promise<Clip>
  maxCacheBytes?: number
  now?: () => number
}) {
  const { fetch, decodeMp3, maxCacheBytes = 128 * 1024 * 1024, now = Date.now } = options
  const kept = new Map<string, Kept>()
  const coming = new Map<string, Promise<Clip>>()
  let keptBytes = 0

  function forget(url: string) {
    keptBytes -= kept.get(url)?.clip.bytes ?? 0
    kept.delete(url)
  }

  function keep(url: string, clip: Clip, { headers }: Answer) {
    forget(url)
    const control = cacheControl(headers)
    const validators = validatorsOf(headers)
    // A server that names no time is asked each time whether the file has changed.
    const freshUntil = now() + (control.maxAgeMs ?? 0)
    if (control.noStore || (freshUntil <= now() && Object.keys(validators).length === 0)) return
    kept.set(url, { clip, freshUntil, validators })
    keptBytes += clip.bytes
    for (const oldest of kept.keys()) {
      if (keptBytes <= maxCacheBytes) return
      forget(oldest)
    }
  }

  async function load(url: string): Promise<Clip> {
    const known = kept.get(url)
    const answer = await fetch(url, known?.validators ?? {})
    if (answer.status === 304 && known) {
      keep(url, known.clip, { ...answer, headers: { ...headersOf(known), ...answer.headers } })
      return known.clip
    }
    forget(url)
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}`)
    const clip = await readClip(answer.body, decodeMp3)
    keep(url, clip, answer)
    return clip
  }

  return {
    async get(url: string): Promise<Clip> {
      const known = kept.get(url)
      if (known && now() < known.freshUntil) {
        // The order of a Map is that of insertion: what is used goes to its end.
        kept.delete(url)
        kept.set(url, known)
        return known.clip
      }
      const loading = coming.get(url) ?? load(url).finally(() => coming.delete(url))
      coming.set(url, loading)
      return loading
    },
  }
}

function cacheControl(headers: Record<string, string>): { noStore: boolean; maxAgeMs?: number } {
  const directives = (headers['cache-control'] ?? '').toLowerCase()
  const noStore = /(?:^|[\s,])no-store\b/.test(directives)
  if (/(?:^|[\s,])no-cache\b/.test(directives)) return { noStore, maxAgeMs: 0 }
  const seconds = /(?:^|[\s,])max-age\s*=\s*"?(\d+)/.exec(directives)?.[1]
  if (seconds !== undefined) return { noStore, maxAgeMs: Number(seconds) * 1000 }
  const [expires, date] = [headers.expires, headers.date].map((text) => Date.parse(text ?? ''))
  return Number.isNaN(expires) ? { noStore } : { noStore, maxAgeMs: Math.max(0, expires! - (date || Date.now())) }
}

function validatorsOf({ etag, 'last-modified': modified }: Record<string, string>): Record<string, string> {
  return { ...(etag && { 'if-none-match': etag }), ...(modified && { 'if-modified-since': modified }) }
}

/** A 304 need not repeat the validators. */
const headersOf = ({ validators }: Kept): Record<string, string> => ({
  ...(validators['if-none-match'] && { etag: validators['if-none-match'] }),
  ...(validators['if-modified-since'] && { 'last-modified': validators['if-modified-since'] }),
})
