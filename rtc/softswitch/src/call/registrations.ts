import type { SipRequest } from '../sip/message.ts'
import { type OutboundRegistration, registerAt } from '../sip/register-at.ts'
import { parseUri } from '../sip/uri.ts'
import type { UserAgent } from '../sip/user-agent.ts'
import type { Endpoints, PjsipObject } from './endpoints.ts'

const DEFAULT_EXPIRES = 3600

/** The registrations with carriers that were pushed, by the names of Asterisk's `registration` objects. */
export function createRegistrations(agent: () => UserAgent, endpoints: Endpoints) {
  const running = new Map<
    string,
    { pushed: string; user: string; object: PjsipObject; registration: OutboundRegistration }
  >()

  function remove(id: string): boolean {
    running.get(id)?.registration.close()
    return running.delete(id)
  }

  return {
    /** Begins it, or with other values begins it anew; `false` when it lacks what it takes. */
    set(id: string, object: PjsipObject): boolean {
      const server = parseUri(object.get('server_uri') ?? '')
      const client = parseUri(object.get('client_uri') ?? '')
      const contactUser = object.get('contact_user') ?? ''
      if (!server || !client || contactUser === '') return false
      const login = endpoints.login(object.get('outbound_auth') ?? '')
      const pushed = JSON.stringify([[...object].sort(), login])
      if (running.get(id)?.pushed === pushed) return true
      remove(id)
      const expiresSeconds = Number(object.get('expiration')) || DEFAULT_EXPIRES
      const registration = registerAt(agent(), { server, client, contactUser, login, expiresSeconds })
      running.set(id, { pushed, user: contactUser, object, registration })
      return true
    },
    remove,
    /** What was pushed, and what became of it: `status` and `status_detail` are ours. */
    view(id: string): PjsipObject | undefined {
      const found = running.get(id)
      if (!found) return undefined
      const { status, detail } = found.registration.state
      return new Map([...found.object, ['status', status], ['status_detail', detail]])
    },
    /** Whether a carrier that we are registered with is at an address. */
    isServer: (address: string): boolean =>
      [...running.values()].some(({ registration }) => registration.servers.has(address)),
    /** Whom a call to one of our contacts is for: the contact is the trunk's, To says which of its numbers (RFC 3261 §8.1.1.2). */
    calledThrough(request: SipRequest, user: string): string {
      return [...running.values()].some((one) => one.user === user) ? request.to.uri.user : user
    },
    close(): void {
      for (const id of [...running.keys()]) remove(id)
    },
  }
}

export type Registrations = ReturnType<typeof createRegistrations>
