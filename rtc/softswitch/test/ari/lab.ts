import { randomUUID } from 'node:crypto'
import { type Call, createPhone, type Phone, type PhoneOptions } from '@sidetone/e2e/phone'
import { expect } from 'vitest'
import { type Ari, type AriAccess, type AriEvent, connectAri, type Json } from './ari-client.ts'

/** What is tested: a server that speaks SIP and ARI. */
export type Target = AriAccess & { host: string; sipPort: number; stop(): Promise<void> }

export type Lab = Awaited<ReturnType<typeof openLab>>

const transferHandling = { variable: 'PJSIP_TRANSFER_HANDLING()', value: 'ari-only' }

/** An application and phones at one target, for one test file; `reset` after each test finds what the test left behind. */
export async function openLab(target: Target) {
  const ari = await connectAri(target)
  const phones: Phone[] = []

  const phone = async (options: Partial<PhoneOptions> = {}) => {
    const made = await createPhone({
      server: { host: target.host, port: target.sipPort },
      username: 'alice',
      ...options,
    })
    phones.push(made)
    return made
  }
  const controls = (id: string) => ({
    id,
    path: `channels/${id}`,
    /** The application wants to decide what its phone's REFER leads to; else Asterisk's dialplan does. */
    takeTransfers: () => ari.post(`channels/${id}/variable`, { query: transferHandling }),
  })
  /** A call from a phone that has reached the application and is not answered yet. */
  const inbound = async (options: Parameters<Phone['call']>[1] & { to?: string; by?: Phone } = {}) => {
    const { to = '+15550100000', by, ...callOptions } = options
    const from = by ?? (await phone())
    const call = await from.call(`sip:${to}@${target.host}:${target.sipPort}`, callOptions)
    const start = await ari.next('StasisStart', { channel: { protocol_id: call.callId } })
    return { phone: from, call, start, ...controls(start.channel.id as string) }
  }
  const answered = async (options: Parameters<typeof inbound>[0] = {}) => {
    const made = await inbound(options)
    expect(await ari.post(`${made.path}/answer`)).toMatchObject({ status: 204 })
    await made.call.answered
    return made
  }
  /** A call to a phone of ours, which has not reacted yet. */
  const originate = async (to: Phone, options: Json = {}) => {
    const channelId = randomUUID()
    const { body, ...query } = options
    const reply = await ari.post('channels', {
      query: { endpoint: `PJSIP/call-out/${to.uri}`, app: ari.app, channelId, ...query },
      ...(body ? { body } : {}),
    })
    expect(reply.status, JSON.stringify(reply.body)).toBe(200)
    return { id: channelId, path: `channels/${channelId}`, reply }
  }
  /** A call to a phone of ours that has answered. */
  const connected = async (options: Json & { by?: Phone } = {}) => {
    const { by, ...query } = options
    const to = by ?? (await phone({ username: 'bob' }))
    const made = await originate(to, query)
    const call = await to.nextCall()
    await call.answer()
    const start = await ari.next('StasisStart', { channel: { id: made.id } })
    return { ...made, ...controls(made.id), phone: to, call: call as Call, start }
  }
  const bridged = async (...channels: string[]) => {
    const id = randomUUID()
    await ari.post('bridges', { query: { type: 'mixing', bridgeId: id } })
    await ari.post(`bridges/${id}/addChannel`, { query: { channel: channels.join(',') } })
    for (const channel of channels) await ari.next('ChannelEnteredBridge', { channel: { id: channel }, bridge: { id } })
    return { id, path: `bridges/${id}` }
  }
  /** A caller and a callee who talk, and whose transfers the application decides. */
  const talking = async () => {
    const [a, b] = [await answered(), await connected()]
    for (const one of [a, b]) expect((await one.takeTransfers()).status).toBe(204)
    return { a, b, bridge: await bridged(a.id, b.id) }
  }

  return {
    target,
    ari,
    phone,
    inbound,
    answered,
    originate,
    connected,
    bridged,
    talking,
    /** Ends all that is up, and fails the test when something stays. */
    async reset() {
      await Promise.all(phones.splice(0).map((one) => one.close()))
      await expectNothingLeft(ari)
      ari.events.length = 0
    },
    close: () => ari.close(),
  }
}

async function expectNothingLeft(ari: Ari) {
  for (const { id } of (await ari.get('bridges')).body) await ari.delete(`bridges/${id}`)
  for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
  const left = async () => {
    const [channels, bridges] = [await ari.get('channels'), await ari.get('bridges')]
    return [...channels.body, ...bridges.body]
  }
  await expect.poll(left, { timeout: 3000, interval: 10 }).toEqual([])
}

/** The arguments of a StasisStart as an object. */
export const argsOf = (start: AriEvent): Record<string, string> =>
  Object.fromEntries(
    (start.args as string[]).map((arg) => [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)]),
  )
