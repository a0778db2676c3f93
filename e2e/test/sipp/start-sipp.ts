import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeUdpPort } from '@sidetone/testing'

export const sippAbsent = spawnSync('sipp', ['-v']).error
  ? 'sipp is not installed: apt-get install sip-tester'
  : undefined

export const scenario = (name: string) => join(import.meta.dirname, name)

/** One sipp for one call (or as many as `-m` says), on a port of its own. `succeeded` says whether its scenario went as written. */
export async function startSipp(...options: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'sidetone-sipp-'))
  const port = await freeUdpPort()
  const limits = ['-m', '1', '-timeout', '8', '-timeout_error']
  const fixed = ['-nostdin', ...limits, '-i', '127.0.0.1', '-p', String(port), '-mp', String(port + 1)]
  const sipp: ChildProcess = spawn('sipp', [...fixed, ...options], { cwd: folder, stdio: 'ignore' })
  const exited = once(sipp, 'exit')
  return {
    host: '127.0.0.1',
    port,
    succeeded: exited.then(([code]) => code === 0),
    async close() {
      sipp.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
