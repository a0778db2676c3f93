import { type Outbound, ProviderRefused } from '@sidetone/outbound'

const timeoutMs = 15_000

interface Question {
  method: 'POST' | 'DELETE'
  url: string
  key: string
  contentType: string
  body?: string
}

/** Asks a provider's API and returns the JSON that it answers; rejects unless that is a success. */
export async function ask(outbound: Outbound, { method, url, key, contentType, body }: Question): Promise<unknown> {
  const response = await outbound.fetch(url, {
    method,
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': contentType },
    ...(body !== undefined && { body }),
    timeoutMs,
  })
  const text = response.body.toString('utf8')
  if (response.status >= 200 && response.status < 300) return JSON.parse(text)
  throw new ProviderRefused(
    response.status,
    `${method} ${new URL(url).pathname}: ${response.status} ${text.slice(0, 500)}`,
  )
}
