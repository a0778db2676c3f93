import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSoftswitch } from '@sidetone/softswitch'
import { startAsterisk } from '@sidetone/softswitch/real-asterisk'
import { type AriAccess, type Behaviour, recordingName, startApplication } from './ari-application.ts'
import { cpuMs, type Helper } from './benchmark.ts'
import { type Answers, type Heard, type Load, openLoad } from './load-phone.ts'

type Access = AriAccess & { sipPort: number }

interface LoadOptions {
  sipPort: number
  audio: boolean
  /** It hears packets when they come, whatever else the machine has to do (as root). */
  attentive?: boolean
}

async function load(options: LoadOptions) {
  if (options.attentive) setPriority(constants.priority.PRIORITY_HIGHEST)
  return { commands: { ...(await openLoad(options)) } }
}

/** Processes of a benchmark that compares the softswitch with a real Asterisk, both driven by the same application. */
export const switchRoles = {
  async softswitch({ maxCalls = 2_000 }: { maxCalls?: number }) {
    const recordingDir = await mkdtemp(join(tmpdir(), 'sidetone-bench-'))
    const { sipPort, ariUrl, ariUser, ariPassword, close } = await startSoftswitch({
      recordingDir,
      sipPort: 0,
      bindAddress: '127.0.0.1',
      rtpPortMin: 0,
      rtpPortMax: 0,
      maxCalls,
      lookup: async () => null,
    })
    const access: Access = { ariUrl, user: ariUser, password: ariPassword, sipPort }
    return {
      ready: access,
      commands: { usage: () => ({ cpuMs: cpuMs(), rssMb: process.memoryUsage.rss() / 2 ** 20 }) },
      async stop() {
        await close()
        await rm(recordingDir, { recursive: true, force: true })
      },
    }
  },
  async asterisk() {
    const { ariUrl, user, password, sipPort, keeperPid, stop } = await startAsterisk()
    const pid = asteriskOf(keeperPid)
    const access: Access = { ariUrl, user, password, sipPort }
    return { ready: access, commands: { usage: () => usageOf(pid) }, stop }
  },
  application: startApplication,
  load,
}

interface Usage {
  cpuMs: number
  rssMb: number
}

function asteriskOf(keeper: number): number {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === keeper)
  const pid = children.find((name) => readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('asterisk.conf'))
  if (pid === undefined) throw new Error('where is the Asterisk?')
  return Number(pid)
}

function statOf(pid: string | number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
  } catch {
    return [] // it has ended
  }
}

const parentOf = (pid: string) => Number(statOf(pid)[1])

function usageOf(pid: number): Usage {
  const stat = statOf(pid)
  const [, rssKb] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return { cpuMs: (Number(stat[11]) + Number(stat[12])) * 10, rssMb: Number(rssKb) / 1024 }
}

type Start = <Ready>(role: string, data?: unknown) => Promise<Helper<Ready>>

/** One side of the comparison: a switch, its application, and phones that call it. */
export async function startSide(start: Start, name: 'softswitch' | 'asterisk', options: { maxCalls?: number } = {}) {
  return driven(start, name, await start<Access>(name, options))
}

/** A switch that runs gets its application. */
export async function driven(start: Start, name: string, server: Helper<Access>) {
  const application = await start('application', server.ready)
  const behave = (behaviour: Behaviour) => application.ask('behave', behaviour)
  return {
    name,
    server,
    behave,
    usage: () => server.ask<Usage>('usage'),
    /** Fails when the switch refused something the application asked. */
    async check() {
      const failures = await application.ask<string[]>('failures')
      if (failures.length > 0) throw new Error(`${name} refused ${failures.length} requests, first ${failures[0]}`)
    },
    async phones(
      options: Omit<LoadOptions, 'sipPort'>,
    ): Promise<Load & { cpuMs(): Promise<number>; stop(): Promise<void> }> {
      const helper = await start('load', { ...options, sipPort: server.ready.sipPort })
      return {
        cpuMs: helper.cpuMs,
        stop: helper.stop,
        open: (options) => helper.ask<Answers>('open', options),
        flow: (options) => helper.ask<Answers>('flow', options),
        listen: (options) => helper.ask<Heard>('listen', options),
        hangUp: () => helper.ask<void>('hangUp'),
      }
    },
    async stop() {
      await application.stop()
      await server.stop()
    },
  }
}

export type Side = Awaited<ReturnType<typeof startSide>>

/** Leaves a second of sound in the switch, as a recording named `recordingName`. */
export async function recordSecond(side: Side): Promise<void> {
  await side.behave({ kind: 'record' })
  const phones = await side.phones({ audio: true })
  const { completed } = await phones.flow({ perSecond: 1, seconds: 1 })
  await phones.stop()
  if (completed !== 1) throw new Error(`${side.name} did not record ${recordingName}`)
}
