import { startSidetone } from '@sidetone/e2e'

export const demoNumber = '+15550100000'
export const echoNumber = '+15550100001'

export type Platform = Awaited<ReturnType<typeof startPlatform>>

/** The whole platform as its users start it, without limits on how much one client may ask. */
export async function startPlatform() {
  const sidetone = await startSidetone({
    env: {
      RATE_LIMIT_IP: '0',
      RATE_LIMIT_CUSTOMER: '0',
      NODE_OPTIONS: process.env['PLATFORM_NODE_OPTIONS'] ?? '',
    },
  })
  const headers = { authorization: `Bearer ${sidetone.accesskey}`, 'content-type': 'application/json' }

  async function rest<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${sidetone.url}/v1.0${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  async function cpuMs(): Promise<number> {
    const metrics = await (await fetch(`${sidetone.url}/metrics`)).text()
    return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)?.[1]) * 1_000
  }

  return { ...sidetone, headers, rest, cpuMs }
}
