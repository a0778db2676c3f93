import { type Outbound, ProviderRefused } from '@sidetone/outbound'

interface Connect {
  /** What everything made there is called by, so that it can be found again. */
  label: string
  username: string
  password: string
  /** Where Telnyx sends calls to us. */
  domain: string
}

interface Resource {
  id: string
}

/** The part of the Telnyx API v2 that makes a SIP connection (https://developers.telnyx.com/api-reference). */
export function createTelnyx(outbound: Outbound, baseUrl: string, apiKey: string) {
  async function request<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const answer = await outbound.fetch(`${baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      timeoutMs: 10_000,
      maxRedirects: 0,
    })
    const text = answer.body.toString()
    if (answer.status < 200 || answer.status > 299) throw new ProviderRefused(answer.status, problemIn(text))
    return text === '' ? ({} as T) : (JSON.parse(text) as { data: T }).data
  }

  const listed = (path: string, filter: string, value: string) =>
    request<Resource[]>('GET', `${path}?${new URLSearchParams({ [`filter${filter}`]: value })}`)

  /** Gone already is as good. */
  const remove = (path: string, { id }: Resource) =>
    request('DELETE', `${path}/${id}`).catch((error: unknown) => {
      if (!(error instanceof ProviderRefused && error.status === 404)) throw error
    })

  return {
    /** Makes a voice profile, a connection that asks us for a digest, and our name in it. */
    async connect({ label, username, password, domain }: Connect): Promise<Record<string, string>> {
      const profile = await request<Resource>('POST', '/outbound_voice_profiles', { name: label })
      const connection = await request<Resource>('POST', '/fqdn_connections', {
        connection_name: label,
        active: true,
        transport_protocol: 'UDP',
        user_name: username,
        password,
        inbound: { ani_number_format: '+E.164', dnis_number_format: '+e164' },
        outbound: { outbound_voice_profile_id: profile.id },
      })
      const fqdn = await request<Resource>('POST', '/fqdns', {
        connection_id: connection.id,
        fqdn: domain,
        port: 5060,
        dns_record_type: 'a',
      })
      return {
        telnyx_outbound_voice_profile_id: profile.id,
        telnyx_connection_id: connection.id,
        telnyx_fqdn_id: fqdn.id,
      }
    },

    /** Removes whatever `connect` made under this label. */
    async disconnect(label: string): Promise<void> {
      for (const connection of await listed('/fqdn_connections', '[connection_name][contains]', label)) {
        for (const fqdn of await listed('/fqdns', '[connection_id]', connection.id)) await remove('/fqdns', fqdn)
        await remove('/fqdn_connections', connection)
      }
      for (const profile of await listed('/outbound_voice_profiles', '[name][contains]', label))
        await remove('/outbound_voice_profiles', profile)
    },
  }
}

function problemIn(text: string): string {
  try {
    const [first] = (JSON.parse(text) as { errors: { title?: string; detail?: string }[] }).errors
    return first?.detail ?? first?.title ?? 'no reason given'
  } catch {
    return 'no reason given'
  }
}
