import type { Authenticate } from './authenticate.ts'
import type { Location } from './location.ts'
import { type Headers, header, headerList } from './message.ts'
import { type NameAddr, parseNameAddr } from './name-addr.ts'
import type { Params } from './params.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { formatUri, parseUri } from './uri.ts'

const DEFAULT_EXPIRES = 3600
const MAX_EXPIRES = 7200
const MAX_CONTACTS = 10

/** Answers REGISTER (RFC 3261 §10.3). */
export function createRegistrar(options: {
  authenticate: Authenticate
  location: Location
  isLocalDomain(host: string): boolean
  /** Who wants to register for less is told to ask for more. */
  minExpiresSeconds: number
  now?: () => number
}) {
  const { authenticate, location, isLocalDomain, minExpiresSeconds, now = Date.now } = options

  return async function register(transaction: ServerTransaction): Promise<void> {
    const { request, flow } = transaction
    const reply = (status: number, headers: Headers = []) =>
      transaction.respond(status, { headers, toTag: 'registrar' })
    const domain = parseUri(request.uri)
    if (!domain) return reply(416)
    const { uri: to } = request.to
    if (to.user === '') return reply(400)
    if (!isLocalDomain(to.host)) return reply(404)

    const who = { user: to.user, domain: to.host, source: flow.remoteAddress, status: 401 as const }
    const result = await authenticate(request, who)
    if (!result.ok) return reply(result.status, result.headers)
    const { account } = result
    // §10.3 step 4: only its owner may change an address of record.
    if (account.username !== to.user) return reply(403)
    const aor = `${account.username}@${account.customer_id}`

    const values = headerList(request, 'contact')
    const expiresHeader = seconds(header(request, 'expires'))
    const older = (binding: { callId: string; cseq: number }) =>
      binding.callId === request.callId && binding.cseq >= request.cseq.number

    if (values.includes('*')) {
      // §10.3 step 6: only alone and with Expires: 0
      if (values.length !== 1 || expiresHeader !== 0) return reply(400)
      if (location.find(aor).some(older)) return reply(500)
      for (const { contact } of location.find(aor)) location.remove(aor, contact)
      return reply(200)
    }

    const contacts = values.map(parseNameAddr)
    if (contacts.some((contact) => !contact)) return reply(400)
    const wanted = (contacts as NameAddr[]).map(({ uri, params }) => ({
      contact: formatUri(uri),
      instance: instanceOf(params),
      expires: Math.min(seconds(params.get('expires')) ?? expiresHeader ?? DEFAULT_EXPIRES, MAX_EXPIRES),
    }))
    // §10.3 step 7: an hour and more is nobody's to refuse.
    if (wanted.some(({ expires }) => expires > 0 && expires < Math.min(minExpiresSeconds, 3600)))
      return reply(423, [['min-expires', String(minExpiresSeconds)]])
    const bound = location.find(aor)
    const current = new Map(bound.map((binding) => [binding.contact, binding]))
    // §10.3 step 7: all of it or nothing, and never back in time.
    if (wanted.some(({ contact }) => current.has(contact) && older(current.get(contact)!))) return reply(500)
    const after = new Set(current.keys())
    // RFC 5626 §6: a phone that comes back with another address has left the one before.
    const left = bound.filter(({ contact, instance }) =>
      wanted.some((one) => one.instance !== undefined && one.instance === instance && one.contact !== contact),
    )
    for (const { contact } of left) after.delete(contact)
    for (const { contact, expires } of wanted) expires > 0 ? after.add(contact) : after.delete(contact)
    if (after.size > MAX_CONTACTS) return reply(403)

    for (const { contact } of left) location.remove(aor, contact)
    for (const { contact, instance, expires } of wanted) {
      if (expires === 0) location.remove(aor, contact)
      else {
        location.put({
          aor,
          contact,
          instance,
          expiresAt: now() + expires * 1000,
          callId: request.callId,
          cseq: request.cseq.number,
          source: { protocol: flow.protocol, remoteAddress: flow.remoteAddress, remotePort: flow.remotePort },
        })
      }
    }
    reply(
      200,
      location
        .find(aor)
        .map(({ contact, expiresAt }): Headers[number] => [
          'contact',
          `<${contact}>;expires=${Math.ceil((expiresAt - now()) / 1000)}`,
        ]),
    )
  }
}

/** A phone may register over several flows, each of which stays (RFC 5626 §4.2). */
const instanceOf = (params: Params): string | undefined => {
  const instance = params.get('+sip.instance')
  return instance && `${instance} ${params.get('reg-id') ?? ''}`
}

/** §20.19: a malformed value counts as absent. */
function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}
