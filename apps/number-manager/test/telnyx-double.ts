import { type Asked, type ProviderDouble, type Reply, startDouble } from './provider-double.ts'

interface Order {
  id: string
  status: 'pending' | 'success' | 'failure'
  customer_reference: string
  phone_numbers: { id: string; phone_number: string }[]
}

interface Phone {
  id: string
  phone_number: string
  customer_reference: string | null
  connection_id: string
  t38_fax_gateway_enabled: boolean
  emergency_enabled: boolean
}

const apiKey = 'KEY0123'
const error = (status: number, detail: string) => ({ errors: [{ code: String(status), title: 'Bad', detail }] })

/** The part of Telnyx's API v2 about buying numbers, as https://developers.telnyx.com/api-reference describes it. */
export async function startTelnyx(): Promise<ProviderDouble & { orders: Order[]; phones: Phone[]; stall: () => void }> {
  const stock = new Set<string>()
  const orders: Order[] = []
  const phones: Phone[] = []
  let stalled = false
  let lastId = 100

  /** Pages of one, so that readers have to turn them. */
  const listed = <T extends object>(all: T[], query: URLSearchParams): Reply => {
    const filters = [...query].flatMap(([name, value]) => {
      const field = /^filter\[(\w+)\]$/.exec(name)?.[1]
      return field ? [[field, value] as const] : []
    })
    const found = all.filter((one) => filters.every(([field, value]) => one[field as keyof T] === value))
    const page = Number(query.get('page[number]') ?? 1)
    const meta = { total_pages: found.length, total_results: found.length, page_number: page, page_size: 1 }
    return { status: 200, body: { data: found.slice(page - 1, page), meta } }
  }

  function order(body: string): Reply {
    const wanted = JSON.parse(body) as { phone_numbers: { phone_number: string }[] } & Record<string, string>
    const number = wanted.phone_numbers[0]!.phone_number
    const made: Order = {
      id: `order-${lastId++}`,
      status: 'pending',
      customer_reference: wanted.customer_reference ?? '',
      phone_numbers: [{ id: `line-${lastId++}`, phone_number: number }],
    }
    orders.push(made)
    return { status: 200, body: { data: { ...made } } }
  }

  /** An order is carried out when it is looked at. */
  function complete(one: Order): void {
    if (one.status !== 'pending' || stalled) return
    const number = one.phone_numbers[0]!.phone_number
    one.status = stock.delete(number) ? 'success' : 'failure'
    if (one.status === 'failure') return
    phones.push({
      id: `phone-${lastId++}`,
      phone_number: number,
      customer_reference: null,
      connection_id: '',
      t38_fax_gateway_enabled: true,
      emergency_enabled: false,
    })
  }

  function respond({ method, path, query, body }: Asked): Reply {
    const [, collection, id] = path.split('/')
    if (collection === 'available_phone_numbers') {
      const limit = Number(query.get('filter[limit]'))
      const data = [...stock].slice(0, limit).map((phone_number) => ({
        phone_number,
        region_information: [
          { region_type: 'country_code', region_name: query.get('filter[country_code]') },
          { region_type: 'state', region_name: 'IL' },
        ],
        features: [{ name: 'sms' }, { name: 'voice' }, { name: 'hd_voice' }],
        record_type: 'available_phone_number',
      }))
      return { status: 200, body: { data, metadata: { total_results: data.length } } }
    }
    if (collection === 'number_orders') {
      if (method === 'POST') return order(body)
      for (const one of orders) complete(one)
      const found = orders.find((one) => one.id === id)
      return id ? { status: found ? 200 : 404, body: { data: found } } : listed(orders, query)
    }
    const at = phones.findIndex((one) => one.id === id)
    if (collection !== 'phone_numbers' || (id && at < 0)) return { status: 404, body: error(404, 'not found') }
    if (method === 'GET') return listed(phones, query)
    if (method === 'PATCH') Object.assign(phones[at]!, JSON.parse(body))
    else stock.add(phones.splice(at, 1)[0]!.phone_number)
    return { status: 200, body: { data: phones[at] ?? {} } }
  }

  const double = await startDouble({
    isAllowed: ({ authorization }) => authorization === `Bearer ${apiKey}`,
    respond,
    error,
  })
  return {
    ...double,
    name: 'telnyx',
    env: { NUMBER_PROVIDER: 'telnyx', TELNYX_API_KEY: apiKey, TELNYX_URL: double.url },
    stock: (...numbers) => numbers.forEach((number) => void stock.add(number)),
    owned: () => Object.fromEntries(phones.map((phone) => [phone.phone_number, phone.customer_reference ?? ''])),
    orders,
    phones,
    /** Orders stay pending from now on, as those do that lack a document. */
    stall() {
      stalled = true
    },
  }
}
