import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSidetone, type SidetoneError } from '@sidetone/sdk'
import { startMailbox } from '@sidetone/testing'
import { Webhook } from 'standardwebhooks'
import { expect, vi } from 'vitest'
import {
  type Backing,
  createPhone,
  type Frame,
  type ReceivedWebhook,
  startSidetone,
  startWebhookReceiver,
} from '../src/index.ts'

export type Stage = Awaited<ReturnType<typeof openStage>>
export type Api = ReturnType<typeof createSidetone>

/** Everybody but the customer: the platform and its operator, a mail server, a carrier, and the customer's web server. */
export async function openStage(prepare: () => Promise<Backing>) {
  const backing = await prepare()
  const dataDir = await mkdtemp(join(tmpdir(), 'sidetone-story-'))
  const mailbox = await startMailbox()
  const receiver = await startWebhookReceiver()

  const run = async (options: { aheadMs?: number } = {}) => {
    const env = { ...backing.env, SMTP_URL: mailbox.url }
    const sidetone = await startSidetone({ env, dataDir, ...options })
    const api = (token?: string): Api => createSidetone({ baseUrl: sidetone.url, ...(token && { token }) })
    const login = async (username: string, password: string): Promise<string> =>
      (await api().session.login({ username, password })).token
    const server = { host: sidetone.host, port: sidetone.sipPort }
    return {
      sidetone,
      api,
      login,
      operator: api(await login('admin@localhost', 'admin@localhost')),
      phone: (account: { username: string; password?: string; domain?: string }) => createPhone({ server, ...account }),
      carrier: await createPhone({ server, username: 'carrier' }),
    }
  }
  const stage = {
    ...(await run()),
    mailbox,
    receiver,
    /** What the customer's web server was told. */
    told: (): Frame[] => receiver.received.map(({ body }) => JSON.parse(body) as Frame),
    /** Stops the platform as Ctrl-C does, and starts it again at another time. */
    async restart(options: { aheadMs: number }) {
      await stage.carrier.close()
      expect(await stage.sidetone.stop()).toBe(0)
      Object.assign(stage, await run(options))
    },
    async close() {
      await stage.carrier.close()
      await stage.sidetone.stop()
      await receiver.close()
      await mailbox.close()
      await backing.remove()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  return stage
}

export const eventually = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: 20_000, interval: 100 })

export const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0)

/** The events of webhooks whose signatures fit. */
export const verified = (received: ReceivedWebhook[], secret: string): Frame[] =>
  received.map(({ body, headers }) => new Webhook(secret).verify(body, headers) as Frame)

/** Whose leg ended, once for each time. */
export const hangups = (frames: Frame[]): string[] =>
  frames
    .filter(({ type }) => type === 'call_hangup')
    .map(({ resource_id }) => resource_id)
    .sort()

/** What happened to a resource, in order of arrival. */
export const storyOf = (frames: Frame[], resourceId: string): string[] =>
  frames
    .filter(({ resource_id }) => resource_id === resourceId)
    .map(({ type, sequence, id }) => `${sequence} ${type} ${id}`)

/** The error with which an attempt is refused. */
export async function refused(attempt: Promise<unknown>, httpStatus: number): Promise<SidetoneError> {
  const error = await attempt.then(
    () => undefined,
    (thrown: SidetoneError) => thrown,
  )
  expect(error).toMatchObject({ httpStatus })
  return error!
}

/** Does what a browser does with a mailed link: opens the page, and sends what its form asks for. */
export async function follow<Answer>({ text }: { text: string }, form: object = {}): Promise<Answer> {
  const link = new URL(/http\S+/.exec(text)![0])
  const page = await fetch(link)
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<form')])
  const body = JSON.stringify({ token: link.searchParams.get('token'), ...form })
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(new URL(link.pathname, link), { method: 'POST', headers, body })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Answer
}

/** What the WebSocket says to a subscription with a token. */
export function subscriptionAnswer(url: string, { token, topic }: { token: string; topic: string }): Promise<unknown> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1.0/ws?token=${token}`)
  return new Promise((resolve, reject) => {
    socket.onerror = reject
    socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', topics: [topic] }))
    socket.onmessage = ({ data }) => {
      socket.close()
      resolve(JSON.parse(String(data)))
    }
  })
}
