import { startAsteriskProxy } from '@sidetone/asterisk-proxy'
import { internalIdentity, nilId } from '@sidetone/contract'
import { createPhone, type Phone } from '@sidetone/e2e/phone'
import { migrateManagers, readSettings, startManager } from '@sidetone/manager'
import { type Call, callContract } from '@sidetone/proto-schemas/call'
import { newId } from '@sidetone/store'
import { createLogger } from '@sidetone/telemetry'
import { adminOf, startTestPlatform } from '@sidetone/testing'
import { vi } from 'vitest'
import { callManager } from '../src/manager.ts'
import { phonePassword, type RtcNode, type StartNode, startEmbedded } from './rtc-node.ts'
import { World } from './scripted-managers.ts'

interface LabOptions {
  env?: Record<string, string>
  startNode?: StartNode
  /** A MySQL instead of an SQLite file. */
  databaseUrl?: string | undefined
  manager?: typeof callManager
}

export type Lab = Awaited<ReturnType<typeof openLab>>

const waiting = { timeout: 5_000, interval: 10 }

/** The call manager on a real database, its neighbours scripted, and a node that speaks SIP and ARI. */
export async function openLab({
  env = {},
  startNode = startEmbedded,
  databaseUrl,
  manager = callManager,
}: LabOptions = {}) {
  const world = new World()
  const customer = newId()
  world.customers.set(customer, { status: 'active' })
  const { platform, as, events, close } = await startTestPlatform({
    managers: world.managers(),
    env: databaseUrl ? { DATABASE_URL: databaseUrl } : {},
  })
  const { transport, files } = platform
  const log = createLogger({ service: 'test', level: process.env.TEST_LOG_LEVEL ?? 'silent' })
  const startCallManager = () => startManager(manager, { ...platform, log }, readSettings(manager.settings, env))
  await migrateManagers(platform.store, [manager as never])
  let running = await startCallManager()
  const node = await startNode(world, customer, log)
  const startProxy = () => startAsteriskProxy({ ...node, app: 'sidetone', transport, files, log })
  let proxy = await startProxy()
  const calls = as(callContract, adminOf(customer)).call
  const phones: Phone[] = []
  const server = { host: '127.0.0.1', port: node.sipPort }

  const phone = async (username = 'carrier') => {
    const made = await createPhone({
      server,
      username,
      password: phonePassword,
      domain: username === 'carrier' ? 'carrier.example' : server.host,
    })
    phones.push(made)
    return made
  }

  return {
    world,
    customer,
    platform,
    /** Ends a part of the platform; what it answers starts it again. */
    async stopCallManager() {
      await running.close({ drainMs: 2_000 })
      return async () => {
        running = await startCallManager()
      }
    },
    async stopProxy() {
      await proxy.close()
      return async () => {
        proxy = await startProxy()
      }
    },
    calls,
    /** As another manager asks on behalf of the customer. */
    internally: as(callContract, internalIdentity(customer)).call,
    groupcalls: as(callContract, adminOf(customer)).groupcall,
    outboundConfigs: as(callContract, adminOf(customer)).outbound_config,
    recordings: as(callContract, adminOf(customer)).recording,
    asCustomer: () => as(callContract, adminOf(newId())).call,
    phone,

    /** A registered phone of the customer. */
    async extension(extension: string) {
      const id = newId()
      world.extensions.push({ id, customer_id: customer, extension })
      const made = await phone(extension)
      await made.register()
      return { id, phone: made, address: { type: 'extension' as const, target: id, target_name: extension } }
    },

    /** A phone that is called by its address, without an account. */
    async sipPhone(user: string) {
      const made = await phone(user)
      return { phone: made, address: { type: 'sip' as const, target: `${user}@127.0.0.1:${made.port}` } }
    },

    /** A number whose flow has these actions. */
    number(...actions: Parameters<World['flow']>) {
      const number = `+1555${String(world.numbers.size).padStart(7, '0')}`
      world.numbers.set(number, {
        customer_id: customer,
        call_flow_id: actions.length > 0 ? world.flow(...actions) : nilId,
      })
      return number
    },

    /** A call from a carrier, or from one of our phones. */
    async dial(number: string, from?: Phone) {
      const uri = `sip:${number}@${server.host}:${server.port}`
      return from ? from.call(uri) : (await phone()).call(uri, { from: 'sip:+15559990000@carrier.example' })
    },

    /** The types of the events of the call manager about a resource, in order. */
    async told(resource_id?: string): Promise<string[]> {
      const own = (await events()).filter(({ publisher }) => publisher === 'call')
      return own.filter((event) => !resource_id || event.resource_id === resource_id).map(({ type }) => type)
    },
    events,

    /** The newest call (that fits) once it has ended, with everything that hung on it. */
    async ended(match: (call: Call) => boolean = () => true): Promise<Call> {
      const newest = async () => (await calls.list({})).result.find(match)
      return vi.waitUntil(async () => {
        const call = await newest()
        return call?.status === 'hangup' && call
      }, waiting)
    },
    /** The newest call once it is like that. */
    async call(like: Partial<Call>, match: (call: Call) => boolean = () => true): Promise<Call> {
      return vi.waitUntil(async () => {
        const call = (await calls.list({})).result.find(match)
        return call && Object.entries(like).every(([field, value]) => call[field as keyof Call] === value) && call
      }, waiting)
    },
    variables: (activeflow_id: string) => world.activeflows.get(activeflow_id)!.variables,
    /** The names below a path of ARI. */
    ari: (path: string) => ariGet(node, path),
    async nothingIsLeft(): Promise<void> {
      const left = async () => [...(await ariGet(node, 'channels')), ...(await ariGet(node, 'bridges'))]
      await vi.waitUntil(async () => (await left()).length === 0, waiting)
    },

    async close() {
      await Promise.all(phones.map((one) => one.close()))
      await proxy.close()
      await node.stop()
      await running.close({ drainMs: 2_000 })
      await close()
    },
  }
}

/** From now on each event of the node comes twice. */
export function repeatEvents({ platform: { transport } }: Lab) {
  const seen = new Set<string>()
  return transport.subscribe({
    name: 'repeater',
    types: ['ari_received'],
    handler: async (event) => {
      if (seen.has(event.id)) return
      seen.add(event.id)
      void transport.publish(event)
    },
  })
}

async function ariGet({ ariUrl, user, password }: RtcNode, path: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${ariUrl}/${path}`, {
    headers: { authorization: `Basic ${btoa(`${user}:${password}`)}` },
  })
  return (await response.json()) as Record<string, unknown>[]
}
