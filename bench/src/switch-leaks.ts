import { EventEmitter } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { softswitchConfig } from '@sidetone/softswitch/config'
import { startSwitch } from '@sidetone/softswitch/switch'
import { benchmark } from './benchmark.ts'
import { startPlatform } from './platform.ts'
import { againstTarget } from './report.ts'
import { driven, recordSecond, switchRoles } from './switches.ts'

const warmUpCalls = 1_000
const calls = 10_000
const perSecond = 50
const platformCalls = 500
const atOnce = 25
const mostBytes = 200
const patienceMs = 60_000
const mostTries = 10
/** Connections that the platform keeps for later, to itself and to others; a file per call would be hundreds. */
const keptFiles = 10

interface Held {
  bytes: number
  files: number
  sockets: number
  timers: number
  /** Media sessions, sockets, servers: all that emits events. */
  emitters: number
}

const count = (kind: string) => process.getActiveResourcesInfo().filter((name) => name === kind).length

/** The switch in this very thread, where what it holds can be counted. */
async function watched() {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const recordingDir = await mkdtemp(join(tmpdir(), 'sidetone-bench-'))
  const password = 'bench'
  const config = softswitchConfig.parse({
    sipPort: 0,
    bindAddress: '127.0.0.1',
    rtpPortMin: 0,
    rtpPortMax: 0,
    ariPassword: password,
    recordingDir,
    maxUtilization: 1,
    sipT1Ms: 50, // transactions are kept for 64 of these
  })
  const log = (entry: unknown) => console.log(entry)
  const running = await startSwitch(config, { lookup: async () => null, onRegistration() {}, log }, [])

  async function held(): Promise<Held> {
    const until = Date.now() + patienceMs
    const busy = () => {
      const { channels_active, sip_transactions_active, media_sessions_active } = running.metrics()
      return channels_active! + sip_transactions_active! + media_sessions_active! > 0
    }
    while (busy() && Date.now() < until) await sleep(50)
    if (busy()) throw new Error(`calls stay: ${JSON.stringify(running.metrics())}`)
    await sleep(100)
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return {
      bytes: heapUsed + external,
      files: readdirSync('/proc/self/fd').length,
      sockets: count('UDPWrap') + count('TCPSocketWrap'),
      timers: count('Timeout'),
      emitters: queryObjects(EventEmitter, { format: 'count' }),
    }
  }

  return {
    ready: {
      ariUrl: `http://127.0.0.1:${running.ariPort}/ari`,
      user: config.ariUser,
      password,
      sipPort: running.sipPort,
    },
    commands: { held },
    async stop() {
      await running.close()
      await rm(recordingDir, { recursive: true, force: true })
    },
  }
}

await benchmark({ ...switchRoles, watched }, async (start) => {
  const side = await driven(start, 'the softswitch', await start('watched'))
  await recordSecond(side)
  await side.behave({ kind: 'play' })
  const phones = await side.phones({ audio: false })
  const held = () => side.server.ask<Held>('held')
  /** What the switch refuses because the machine is busy with something else is called again. */
  const flow = async (count: number) => {
    let left = count
    for (let tries = 0; left > 0; tries++) {
      if (tries === mostTries) throw new Error(`${left} of ${count} calls were never completed`)
      left -= (await phones.flow({ perSecond, seconds: Math.ceil(left / perSecond) })).completed
    }
  }
  await flow(warmUpCalls)
  const before = await held()
  await flow(calls)
  const after = await held()
  await phones.stop()
  await side.check()
  const left = (['sockets', 'timers', 'files', 'emitters'] as const).map((kind) => after[kind] - before[kind])
  const bytes = (after.bytes - before.bytes) / calls

  const platform = await startPlatform()
  const files = async () => {
    const metrics = await (await fetch(`${platform.url}/metrics`)).text()
    return Number(/^process_open_fds (\d+)/m.exec(metrics)?.[1])
  }
  const callers = await start('load', { sipPort: platform.sipPort, audio: false })
  const callPlatform = async (count: number) => {
    for (let n = 0; n < count; n += atOnce) {
      await callers.ask('open', { calls: atOnce, perSecond: atOnce })
      await callers.ask('hangUp')
    }
  }
  let filesLeft = Number.NaN
  try {
    await callPlatform(2 * atOnce)
    await sleep(2_000)
    const filesBefore = await files()
    await callPlatform(platformCalls)
    const until = Date.now() + patienceMs
    do {
      await sleep(500)
      filesLeft = (await files()) - filesBefore
    } while (filesLeft > keptFiles && Date.now() < until)
  } finally {
    await callers.stop()
    await platform.stop()
  }

  return [
    againstTarget(
      `sockets, timers, files, emitters left by ${calls.toLocaleString('en')} calls`,
      left.join(', '),
      'none',
      left.every((more) => more <= 0),
    ),
    againstTarget('  heap and buffers, per call', `${bytes.toFixed(0)} B`, `< ${mostBytes} B`, bytes < mostBytes),
    againstTarget(
      `files and sockets left by ${platformCalls} calls to the platform`,
      String(filesLeft),
      `≤ ${keptFiles}`,
      filesLeft <= keptFiles,
    ),
  ]
})
