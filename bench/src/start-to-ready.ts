import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSidetone } from '@sidetone/e2e'
import { benchmark } from './benchmark.ts'
import { median, ratios, spread } from './report.ts'

const rounds = 7
const targetMs = 3_000

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const started = performance.now()
  const result = await work()
  return { ms: performance.now() - started, result }
}

/** User and system time of a process that runs (Linux counts it in hundredths of a second). */
function cpuMsOf(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13)
  return (Number(user) + Number(system)) * 10
}

async function startOnce(dataDir: string) {
  const { ms, result } = await timed(() => startSidetone({ dataDir }))
  const pid = Number(readFileSync(join(dataDir, 'lock'), 'utf8'))
  const cpuMs = cpuMsOf(pid)
  await result.stop()
  return { ms, cpuMs }
}

const bareNode = () => timed(() => once(spawn(process.execPath, ['-e', '0']), 'exit'))

await benchmark({}, async () => {
  const first: { ms: number; cpuMs: number }[] = []
  const later: { ms: number; cpuMs: number }[] = []
  const bare: number[] = []
  for (let round = 0; round < rounds; round++) {
    const dataDir = await mkdtemp(join(tmpdir(), 'sidetone-bench-'))
    try {
      bare.push((await bareNode()).ms)
      first.push(await startOnce(dataDir))
      later.push(await startOnce(dataDir))
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  }
  const line = (name: string, starts: { ms: number; cpuMs: number }[]) => {
    const ms = starts.map((start) => start.ms)
    return [
      {
        name,
        ours: spread(ms, ' ms'),
        limit: spread(bare, ' ms'),
        ratio: spread(ratios(ms, bare)),
        target: `< ${targetMs.toLocaleString('en')} ms`,
        met: median(ms) < targetMs,
      },
      {
        name: '  CPU',
        ours: spread(
          starts.map(({ cpuMs }) => cpuMs),
          ' ms',
        ),
        limit: '',
        ratio: '',
        target: '',
        met: true,
      },
    ]
  }
  return [...line('first start to ready (limit: node -e 0)', first), ...line('later start to ready', later)]
})
