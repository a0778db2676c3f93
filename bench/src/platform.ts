import { setTimeout as sleep } from 'node:timers/promises'
import { createPhone, startSidetone } from '@sidetone/e2e'

export const demoNumber = '+15550100000'
export const echoNumber = '+15550100001'

export type Platform = Awaited<ReturnType<typeof startPlatform>>

/** The whole platform as its users start it, without limits on how much one client may ask. */
export async function startPlatform(env: Record<string, string> = {}) {
  const sidetone = await startSidetone({
    env: {
      RATE_LIMIT_IP: '0',
      RATE_LIMIT_CUSTOMER: '0',
      NODE_OPTIONS: process.env.PLATFORM_NODE_OPTIONS ?? '',
      ...env,
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

/** A row as calls leave it: a phone called the echo number and hung up. */
export async function endedCall({ host, sipPort, rest }: Platform) {
  const phone = await createPhone({ server: { host, port: sipPort } })
  const dialled = await phone.call(`sip:${echoNumber}@${host}`)
  await dialled.answered
  await dialled.hangup()
  await phone.close()
  for (;;) {
    const [call] = (await rest<{ result: { id: string; status: string }[] }>('GET', '/calls')).result
    if (call?.status === 'hangup') return call
    await sleep(50)
  }
}
