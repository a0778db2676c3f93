import { setTimeout as sleep } from 'node:timers/promises'
import type { Outbound } from '@sidetone/outbound'
import { ProviderRefused } from '@sidetone/outbound'
import { AvailableNumber } from '@sidetone/proto-schemas/number'
import { ask, type NumberProvider, ProviderUnavailable, unlessGone } from './provider.ts'

interface Options {
  outbound: Outbound
  url: string
  apiKey: string
  connectionId: string | undefined
}

interface Order {
  id: string
  status: 'pending' | 'success' | 'failure'
  phone_numbers: { phone_number: string }[]
}

interface Phone {
  id: string
  customer_reference?: string | null
  t38_fax_gateway_enabled?: boolean
  emergency_enabled?: boolean
}

interface Found {
  phone_number: string
  region_information: { region_type: string; region_name: string }[]
  features: { name: string }[]
}

interface Answer<T> {
  data: T
  meta?: { total_pages: number }
}

const polls = 12
const pauseMs = (poll: number): number => Math.min(2 ** poll * 100, 2_000)
const known = new Set<string>(AvailableNumber.shape.features.element.options)

/** Numbers at Telnyx, by its API v2 (https://developers.telnyx.com/api-reference). */
export function createTelnyx({ outbound, url, apiKey, connectionId }: Options): NumberProvider {
  const request = <T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) =>
    ask<Answer<T>>(outbound, `${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      problemIn: (answer) => {
        const [first] = (answer as { errors: { title?: string; detail?: string }[] }).errors
        return first?.detail ?? first?.title
      },
    })

  async function listed<T>(path: string, filter: string, value: string): Promise<T[]> {
    const all: T[] = []
    for (let page = 1; ; page++) {
      const query = new URLSearchParams({ [`filter[${filter}]`]: value, 'page[number]': String(page) })
      const { data, meta } = await request<T[]>('GET', `${path}?${query}`)
      all.push(...data)
      if (page >= (meta?.total_pages ?? 1)) return all
    }
  }

  async function completed(order: Order): Promise<Order> {
    let latest = order
    for (let poll = 0; latest.status === 'pending'; poll++) {
      if (poll === polls) throw new ProviderUnavailable(`the order ${order.id} at Telnyx is still pending`)
      await sleep(pauseMs(poll))
      latest = (await request<Order>('GET', `/number_orders/${order.id}`)).data
    }
    return latest
  }

  return {
    name: 'telnyx',

    async search(country_code, limit) {
      const query = new URLSearchParams({ 'filter[country_code]': country_code, 'filter[limit]': String(limit) })
      const { data } = await request<Found[]>('GET', `/available_phone_numbers?${query}`)
      return data.slice(0, limit).map(({ phone_number, region_information, features }) => ({
        number: phone_number,
        country: country_code,
        region: region_information.find(({ region_type }) => region_type === 'state')?.region_name ?? '',
        postal_code: '',
        features: features.map(({ name }) => name).filter((name) => known.has(name)) as AvailableNumber['features'],
      }))
    },

    async buy(number, reference) {
      const { data: ordered } = await request<Order>('POST', '/number_orders', {
        phone_numbers: [{ phone_number: number }],
        customer_reference: reference,
        ...(connectionId && { connection_id: connectionId }),
      })
      const { id, status } = await completed(ordered)
      if (status === 'failure') throw new ProviderRefused(409, `the order ${id} at Telnyx has failed`)
      const [phone] = await listed<Phone>('/phone_numbers', 'phone_number', number)
      if (!phone) throw new ProviderUnavailable(`Telnyx does not show ${number}, which it has just sold`)
      await request('PATCH', `/phone_numbers/${phone.id}`, { customer_reference: reference })
      const { t38_fax_gateway_enabled = false, emergency_enabled = false } = phone
      return { t38_enabled: t38_fax_gateway_enabled, emergency_enabled }
    },

    async release(reference) {
      for (const order of await listed<Order>('/number_orders', 'customer_reference', reference)) {
        if (order.status === 'pending') throw new ProviderUnavailable(`the order ${order.id} is still pending`)
        if (order.status === 'failure') continue
        for (const { phone_number } of order.phone_numbers) {
          for (const { id, customer_reference } of await listed<Phone>(
            '/phone_numbers',
            'phone_number',
            phone_number,
          )) {
            // Given back long ago, it may have been sold to us again for somebody else.
            if (customer_reference && customer_reference !== reference) continue
            await unlessGone(request('DELETE', `/phone_numbers/${id}`))
          }
        }
      }
    },
  }
}
