import { type Asked, type ProviderDouble, type Reply, startDouble } from './provider-double.ts'

interface Incoming {
  sid: string
  phone_number: string
  friendly_name: string
  trunk_sid: string | null
  capabilities: Record<string, boolean>
  emergency_status: string
}

const accountSid = 'ACdouble'
const authToken = 'token'
const root = `/2010-04-01/Accounts/${accountSid}`
const error = (status: number, message: string, code = 20_000 + status) => ({ code, message, status })

/** The part of Twilio's API 2010-04-01 about buying numbers, as https://www.twilio.com/docs/phone-numbers/api describes it. */
export async function startTwilio(): Promise<ProviderDouble & { incoming: Incoming[] }> {
  const stock = new Set<string>()
  const incoming: Incoming[] = []
  let lastSid = 100

  /** Pages of two at most, so that readers have to turn them. */
  const listed = (key: string, all: object[], path: string, query: URLSearchParams): Reply => {
    const page = Number(query.get('Page') ?? 0)
    const next = new URLSearchParams({ ...Object.fromEntries(query), Page: String(page + 1) })
    const next_page_uri = all.length > (page + 1) * 2 ? `${path}?${next}` : null
    return { status: 200, body: { [key]: all.slice(page * 2, page * 2 + 2), next_page_uri, page } }
  }

  function buy(form: URLSearchParams): Reply {
    const number = form.get('PhoneNumber')!
    if (!stock.delete(number)) return { status: 400, body: error(400, `${number} is not available`, 21_422) }
    const bought = {
      sid: `PN${lastSid++}`,
      phone_number: number,
      friendly_name: form.get('FriendlyName')!,
      trunk_sid: form.get('TrunkSid'),
      capabilities: { voice: true, sms: true, mms: false, fax: true },
      emergency_status: 'Inactive',
    }
    incoming.push(bought)
    return { status: 201, body: bought }
  }

  function respond({ method, path, query, body }: Asked): Reply {
    const country = new RegExp(`^${root}/AvailablePhoneNumbers/(\\w\\w)/Local\\.json$`).exec(path)?.[1]
    if (country === 'US') {
      const found = [...stock].map((phone_number) => ({
        phone_number,
        iso_country: country,
        region: 'IL',
        postal_code: '60601',
        capabilities: { voice: true, SMS: true, MMS: false, fax: false },
      }))
      return listed('available_phone_numbers', found, path, query)
    }
    if (path === `${root}/IncomingPhoneNumbers.json`) {
      if (method === 'POST') return buy(new URLSearchParams(body))
      const name = query.get('FriendlyName')
      const found = incoming.filter(({ friendly_name }) => name === null || friendly_name === name)
      return listed('incoming_phone_numbers', found, path, query)
    }
    const sid = new RegExp(`^${root}/IncomingPhoneNumbers/(\\w+)\\.json$`).exec(path)?.[1]
    const at = incoming.findIndex((one) => one.sid === sid)
    if (at < 0 || method !== 'DELETE') return { status: 404, body: error(404, 'The resource was not found') }
    stock.add(incoming.splice(at, 1)[0]!.phone_number)
    return { status: 204 }
  }

  const basic = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
  const double = await startDouble({ isAllowed: ({ authorization }) => authorization === basic, respond, error })
  return {
    ...double,
    name: 'twilio',
    env: {
      NUMBER_PROVIDER: 'twilio',
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: authToken,
      TWILIO_TRUNK_SID: 'TKdouble',
      TWILIO_URL: double.url,
    },
    stock: (...numbers) => numbers.forEach((number) => void stock.add(number)),
    owned: () => Object.fromEntries(incoming.map((one) => [one.phone_number, one.friendly_name])),
    incoming,
  }
}
