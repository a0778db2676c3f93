import type { BlockList } from 'node:net'
import { type Account, type Authenticate, type AuthResult, credentialsOf, type Lookup } from './authenticate.ts'
import type { Flow } from './flow.ts'
import type { SipRequest } from './message.ts'

export type InviteVerdict = { ok: true; account: Account | null; trusted: boolean } | Extract<AuthResult, { ok: false }>

/**
 * Who may call in: an extension that proves itself, or a carrier at a trusted address. A trusted address that names one of
 * our extensions as caller still has to prove it; an untrusted one is always asked, so it cannot learn which users exist.
 */
export function createInvitePolicy(options: {
  realm: string
  authenticate: Authenticate
  lookup: Lookup
  isLocalDomain(host: string): boolean
  trusted: BlockList
}) {
  const { realm, authenticate, lookup, isLocalDomain, trusted } = options
  return async (request: SipRequest, flow: Flow): Promise<InviteVerdict> => {
    const { uri: from } = request.from
    const isTrusted = trusted.check(flow.remoteAddress, flow.remoteAddress.includes(':') ? 'ipv6' : 'ipv4')
    const prove = async (): Promise<InviteVerdict> => {
      const who = { user: from.user, domain: from.host, source: flow.remoteAddress, status: 407 as const }
      const result = await authenticate(request, who)
      return result.ok ? { ...result, trusted: isTrusted } : result
    }
    if (!isTrusted || credentialsOf(request, realm)) return prove()
    if (from.user === '' || !isLocalDomain(from.host)) return { ok: true, account: null, trusted: true }
    try {
      if (await lookup({ user: from.user, domain: from.host })) return await prove()
    } catch {
      return { ok: false, status: 503, headers: [['retry-after', '5']] }
    }
    return { ok: true, account: null, trusted: true }
  }
}
