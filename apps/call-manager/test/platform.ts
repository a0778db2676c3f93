import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAsteriskProxy } from '@sidetone/asterisk-proxy'
import { nilId } from '@sidetone/contract'
import { jobMigrations } from '@sidetone/jobs'
import { type Call, callContract } from '@sidetone/proto-schemas/call'
import { ha1, startSoftswitch } from '@sidetone/softswitch'
import { newId } from '@sidetone/store'
import { adminOf, startTestPlatform } from '@sidetone/testing'
import { vi } from 'vitest'
import { z } from 'zod'
import { createPhone, type Phone } from '../../../e2e/src/phone/index.ts'
import { callManager } from '../src/manager.ts'
import { World } from './scripted-managers.ts'

export type Lab = Awaited<ReturnType<typeof openLab>>

const jobTables = {
  contract: { name: 'jobs', errors: {}, resources: {} },
  settings: z.object({}),
  migrations: jobMigrations,
  build: () => ({ handlers: {} }),
} as never
const password = 'secret'
const realm = 'sidetone'
const waiting = { timeout: 5_000, interval: 10 }

/** The call manager on a real database and a real switch; its neighbours are scripted. */
export async function openLab(env: Record<string, string> = {}) {
  const world = new World()
  const customer = newId()
  world.customers.set(customer, { status: 'active' })
  const recordingDir = await mkdtemp(join(tmpdir(), 'sidetone-recordings-'))
  const { platform, as, events, close } = await startTestPlatform({
    managers: [jobTables, ...world.managers(), callManager as never],
    env: { LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent', ...env },
  })
  const { transport, files, log } = platform
  const softswitch = await startSoftswitch({
    sipPort: 0,
    bindAddress: '127.0.0.1',
    rtpPortMin: 0,
    rtpPortMax: 0,
    defaultCustomerId: customer,
    recordingDir,
    log: {
      info: (fields, message) => log.info(fields, message),
      warn: (fields, message) => log.warn(fields, message),
      error: (fields, message) => log.error(fields, message),
    },
    lookup: async ({ user }) => {
      const known = world.extensions.find(({ extension }) => extension === user)
      if (!known) return null
      const digests = {
        ha1_md5: ha1('MD5', user, realm, password),
        ha1_sha256: ha1('SHA-256', user, realm, password),
      }
      return { username: user, customer_id: known.customer_id, ...digests }
    },
  })
  const proxy = await startAsteriskProxy({
    ariUrl: softswitch.ariUrl,
    user: softswitch.ariUser,
    password: softswitch.ariPassword,
    app: 'sidetone',
    transport,
    files,
    log,
  })
  const calls = as(callContract, adminOf(customer)).call
  const phones: Phone[] = []
  const server = { host: '127.0.0.1', port: softswitch.sipPort }

  const phone = async (username = 'carrier') => {
    const made = await createPhone({
      server,
      username,
      password,
      domain: username === 'carrier' ? 'carrier.example' : server.host,
    })
    phones.push(made)
    return made
  }

  return {
    world,
    customer,
    platform,
    softswitch,
    proxy,
    recordingDir,
    calls,
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
    /** What the switch has now. */
    async nothingIsLeft(): Promise<void> {
      const left = async () => {
        const { channels_active, bridges_active } = await softswitch.metrics()
        return (channels_active ?? 0) + (bridges_active ?? 0)
      }
      await vi.waitUntil(async () => (await left()) === 0, waiting)
    },

    async close() {
      await Promise.all(phones.map((one) => one.close()))
      await proxy.close()
      await softswitch.close()
      await close()
      await rm(recordingDir, { recursive: true, force: true })
    },
  }
}
