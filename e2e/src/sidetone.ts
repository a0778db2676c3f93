import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const clockAhead = (ms: number) => new URL(`./clock-ahead.ts?ms=${ms}`, import.meta.url).href
const main = fileURLToPath(new URL('../../apps/sidetone/src/main.ts', import.meta.url))
/** Where `npm start` has it. */
const compileCache = fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url))
const readyWithinMs = 30_000

export interface SidetoneProcess {
  url: string
  host: string
  sipPort: number
  sipWsPort: number
  accesskey: string
  dataDir: string
  /** Everything it has printed. */
  output: () => string
  /** Like Ctrl-C; resolves with the exit code. */
  stop: () => Promise<number | null>
  /** Like a power cut. */
  kill: () => Promise<void>
}

/** Starts the platform as its users do, as a process of its own on free ports, and waits for its ready line. */
export async function startSidetone({
  env = {},
  dataDir,
  aheadMs,
}: {
  env?: Record<string, string>
  dataDir?: string
  /** By how much its clock is ahead of ours. */
  aheadMs?: number
} = {}): Promise<SidetoneProcess> {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'sidetone-e2e-')))
  const preload = aheadMs === undefined ? [] : ['--import', clockAhead(aheadMs)]
  const child = spawn(process.execPath, [...preload, main], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: compileCache,
      HTTP_PORT: '0',
      SIP_PORT: '0',
      SIP_WS_PORT: '0',
      RTP_PORT_MIN: '0',
      RTP_PORT_MAX: '0',
      SIDETONE_DATA_DIR: folder,
      OUTBOUND_ALLOW: '127.0.0.0/8',
      DRAIN_SECONDS: '5',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`sidetone ${reason}:\n${output}`))
    const timer = setTimeout(() => fail(`was not ready within ${readyWithinMs} ms`), readyWithinMs)
    const read = (chunk: Buffer) => {
      output += chunk
      if (!/^sidetone ready/m.test(output)) return
      clearTimeout(timer)
      resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void exited.then((code) => fail(`ended with ${code}`))
  })
  const printed = (part: RegExp): string => part.exec(output)?.[1] ?? ''
  const remove = async () => {
    if (!dataDir) await rm(folder, { recursive: true, force: true })
  }
  return {
    url: printed(/REST +(http:\S+)\/v1\.0/),
    host: '127.0.0.1',
    sipPort: Number(printed(/SIP +\S+:(\d+)/)),
    sipWsPort: Number(printed(/ws:\S+:(\d+)/)),
    accesskey: printed(/Access key +(\S+)/),
    dataDir: folder,
    output: () => output,
    async stop() {
      child.kill('SIGINT')
      const code = await exited
      await remove()
      return code
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
