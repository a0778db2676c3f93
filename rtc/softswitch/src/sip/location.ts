import type { FlowTarget } from './flow.ts'

/** One registered contact of an address of record. */
export interface Binding {
  aor: string
  contact: string
  /** The phone itself, whatever its address is today (RFC 5626 §4.1), when it says so. */
  instance?: string | undefined
  expiresAt: number
  /** Empty after a restart: then any registration replaces the contact. */
  callId: string
  cseq: number
  /** Where the REGISTER came from: behind NAT the only way back (RFC 3581, RFC 5626 in spirit). */
  source: FlowTarget
}

export interface Location {
  /** Contacts that have not expired, the newest first. */
  find(aor: string): Binding[]
  put(binding: Binding): void
  remove(aor: string, contact: string): void
  list(): Binding[]
  /** Contacts behind a connection that has gone cannot be reached until they register again. */
  connectionLost(flow: Binding['source']): void
  close(): void
}

export type LocationChange = 'created' | 'updated' | 'removed'

/** Who is registered where (RFC 3261 §10). `onChange` also tells when a contact expired. */
export function createLocation(
  onChange: (change: LocationChange, binding: Binding) => void,
  now: () => number = Date.now,
): Location {
  const bindings = new Map<string, Map<string, Binding>>()

  function remove(aor: string, contact: string) {
    const contacts = bindings.get(aor)
    const binding = contacts?.get(contact)
    if (!contacts || !binding) return
    contacts.delete(contact)
    if (contacts.size === 0) bindings.delete(aor)
    onChange('removed', binding)
  }
  const list = () => [...bindings.values()].flatMap((contacts) => [...contacts.values()])
  const sweep = setInterval(() => {
    for (const { aor, contact, expiresAt } of list()) if (expiresAt <= now()) remove(aor, contact)
  }, 1000)
  sweep.unref()

  return {
    find: (aor) => [...(bindings.get(aor)?.values() ?? [])].filter(({ expiresAt }) => expiresAt > now()).reverse(),
    put(binding) {
      const contacts = bindings.get(binding.aor) ?? new Map<string, Binding>()
      bindings.set(binding.aor, contacts)
      const change = contacts.delete(binding.contact) ? 'updated' : 'created'
      contacts.set(binding.contact, binding)
      onChange(change, binding)
    },
    remove,
    list,
    connectionLost({ protocol, remoteAddress, remotePort }) {
      for (const { aor, contact, source } of list()) {
        const same = source.protocol === protocol && source.remoteAddress === remoteAddress
        if (same && source.remotePort === remotePort) remove(aor, contact)
      }
    },
    close: () => clearInterval(sweep),
  }
}
