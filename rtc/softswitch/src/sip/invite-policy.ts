import { type Account, type Authenticate, type AuthResult, credentialsOf, type Lookup } from './authenticate.ts'
import type { Flow } from './flow.ts'
import type { SipRequest } from './message.ts'
import { parseUri } from './uri.ts'

export type InviteVerdict = { ok: true; account: Account | null; trusted: boolean } | Extract<AuthResult, { ok: false }>

/** What a public address begins with: who knows it may call it. */
const DIRECT = /^direct\./i

/**
 * Who may call in: an extension or a trunk that proves itself, or a carrier at a trusted address. A trusted address that names one of
 * our extensions as caller still has to prove it; an untrusted one is always asked, so it cannot learn which users exist, unless it is
 * a stranger who calls a direct hash.
 */
export function createInvitePolicy(options: {
  realm: string
  authenticate: Authenticate
  lookup: Lookup
  isLocalDomain(host: string): boolean
  trunkOf(host: string): string | null
  isTrusted(address: string): boolean
  onProven(source: string): void
}) {
  const { realm, authenticate, lookup, isLocalDomain, trunkOf, isTrusted: isTrustedAddress, onProven } = options
  const unavailable: InviteVerdict = { ok: false, status: 503, headers: [['retry-after', '5']] }

  /** By where it comes from, or else by a digest. A trunk may say who calls through it. */
  async function throughTrunk(request: SipRequest, source: string, host: string, name: string): Promise<InviteVerdict> {
    const who = { domain: host, trunk: { name, source } }
    if (!credentialsOf(request, realm)) {
      try {
        const account = await lookup({ user: '', ...who })
        if (account) {
          onProven(source)
          return { ok: true, account, trusted: true }
        }
      } catch {
        return unavailable
      }
    }
    const result = await authenticate(request, { user: request.from.uri.user, ...who, source, status: 407 })
    return result.ok ? { ...result, trusted: true } : result
  }

  return async (request: SipRequest, flow: Flow): Promise<InviteVerdict> => {
    const { uri: from } = request.from
    const { host = '', user = '' } = parseUri(request.uri) ?? {}
    const trunk = trunkOf(host)
    if (trunk !== null) return throughTrunk(request, flow.remoteAddress, host, trunk)
    // Any web page can make the browser of a trusted machine connect to us: by WebSocket an address proves nothing.
    const isTrusted = flow.protocol !== 'WS' && isTrustedAddress(flow.remoteAddress)
    const prove = async (): Promise<InviteVerdict> => {
      const who = { user: from.user, domain: from.host, source: flow.remoteAddress, status: 407 as const }
      const result = await authenticate(request, who)
      return result.ok ? { ...result, trusted: isTrusted } : result
    }
    const isPublic = DIRECT.test(user) && !isLocalDomain(from.host)
    if (!(isTrusted || isPublic) || credentialsOf(request, realm)) return prove()
    if (from.user === '' || !isLocalDomain(from.host)) return { ok: true, account: null, trusted: isTrusted }
    try {
      if (await lookup({ user: from.user, domain: from.host })) return await prove()
    } catch {
      return unavailable
    }
    return { ok: true, account: null, trusted: true }
  }
}
