import type { Outbound } from '@sidetone/outbound'
import type { AvailableNumber } from '@sidetone/proto-schemas/number'
import { ask, type NumberProvider, unlessGone } from './provider.ts'

interface Options {
  outbound: Outbound
  url: string
  accountSid: string
  authToken: string
  trunkSid: string | undefined
}

interface Found {
  phone_number: string
  iso_country: string
  region: string | null
  postal_code: string | null
  capabilities: Record<string, boolean>
}

interface Incoming {
  sid: string
  capabilities: Record<string, boolean>
  emergency_status?: string
}

interface Listing {
  next_page_uri?: string | null
}

const features = { voice: ['voice'], sms: ['SMS', 'sms'], mms: ['MMS', 'mms'], fax: ['fax'] } as const

/** Numbers at Twilio, by its API 2010-04-01 (https://www.twilio.com/docs/phone-numbers/api). */
export function createTwilio({ outbound, url, accountSid, authToken, trunkSid }: Options): NumberProvider {
  const account = `/2010-04-01/Accounts/${accountSid}`
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
  const request = <T>(method: 'GET' | 'POST' | 'DELETE', path: string, form?: Record<string, string>) =>
    ask<T>(outbound, `${url}${path}`, {
      method,
      headers: { authorization, ...(form && { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(form && { body: String(new URLSearchParams(form)) }),
      problemIn: (answer) => (answer as { message?: string }).message,
    })

  /** Reads pages until there are enough. */
  async function listed<T>(path: string, key: string, limit: number): Promise<T[]> {
    const all: T[] = []
    let next: string | null | undefined = path
    while (next && all.length < limit) {
      const page: Listing & Record<string, unknown> = await request('GET', next)
      all.push(...(page[key] as T[]))
      next = page.next_page_uri
    }
    return all.slice(0, limit)
  }

  return {
    name: 'twilio',

    async search(country_code, limit) {
      const path = `${account}/AvailablePhoneNumbers/${country_code}/Local.json?PageSize=${limit}`
      const found = await listed<Found>(path, 'available_phone_numbers', limit)
      return found.map(({ phone_number, iso_country, region, postal_code, capabilities }) => ({
        number: phone_number,
        country: iso_country,
        region: region ?? '',
        postal_code: postal_code ?? '',
        features: featuresOf(capabilities),
      }))
    },

    async buy(number, reference) {
      const { capabilities, emergency_status } = await request<Incoming>(
        'POST',
        `${account}/IncomingPhoneNumbers.json`,
        {
          PhoneNumber: number,
          FriendlyName: reference,
          ...(trunkSid && { TrunkSid: trunkSid }),
        },
      )
      return { t38_enabled: capabilities.fax ?? false, emergency_enabled: emergency_status === 'Active' }
    },

    async release(reference) {
      const path = `${account}/IncomingPhoneNumbers.json?FriendlyName=${encodeURIComponent(reference)}`
      for (const { sid } of await listed<Incoming>(path, 'incoming_phone_numbers', Number.POSITIVE_INFINITY))
        await unlessGone(request('DELETE', `${account}/IncomingPhoneNumbers/${sid}.json`))
    },
  }
}

const featuresOf = (capabilities: Record<string, boolean>): AvailableNumber['features'] =>
  (Object.keys(features) as (keyof typeof features)[]).filter((name) =>
    features[name].some((spelling) => capabilities[spelling]),
  )
