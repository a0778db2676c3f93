import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type Figure, printTable } from './report.ts'

/** A helper process of a benchmark. */
export interface Helper<Ready = unknown> {
  ready: Ready
  ask: <T>(command: string, argument?: unknown) => Promise<T>
  /** User and system time that it has taken so far. */
  cpuMs: () => Promise<number>
  stop: () => Promise<void>
}

/** What a helper process tells its benchmark, and what it can be asked to do. */
export interface Role {
  ready?: unknown
  commands?: Record<string, (argument: never) => unknown>
  stop?: () => Promise<unknown>
}

type Roles = Record<string, (data: never) => Promise<Role> | Role>

/**
 * A benchmark is one file: `roles` run in processes of their own, which are this same file started again, `run` measures
 * with them. The figures are printed, or handed to `all.ts`.
 */
export async function benchmark(
  roles: Roles,
  run: (start: <Ready>(role: string, data?: unknown) => Promise<Helper<Ready>>) => Promise<Figure[]>,
): Promise<void> {
  const [file, role, data] = process.argv.slice(1) as [string, string?, string?]
  if (role !== undefined) return play(await roles[role]!(JSON.parse(data!) as never))
  const helpers: Helper[] = []
  try {
    const figures = await run(async (name, argument = {}) => {
      const helper = await startHelper(file, name, argument)
      helpers.push(helper)
      return helper as Helper<never>
    })
    if (process.send) process.send(figures)
    else printTable(figures)
  } finally {
    for (const helper of helpers.reverse()) await helper.stop()
    if (process.send) process.disconnect()
  }
}

/** The helper's side. It ends with its benchmark, however that ends. */
function play({ ready, commands = {}, stop }: Role): void {
  const all: Record<string, (argument: never) => unknown> = { ...commands, cpuMs }
  process.on('message', async ({ id, command, argument }: { id: number; command: string; argument: never }) =>
    process.send!({ id, result: await all[command]!(argument) }),
  )
  process.on('disconnect', async () => {
    await stop?.()
    process.exit()
  })
  process.send!({ ready })
}

export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

async function startHelper(file: string, role: string, data: unknown): Promise<Helper> {
  const child = fork(file, [role, JSON.stringify(data)])
  const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>()
  let count = 0
  const exited = once(child, 'exit')
  const { ready } = await new Promise<{ ready: unknown }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { ready: unknown }))
    child.once('exit', () => reject(new Error(`${role} ended before it was ready`)))
  })
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error(`${role} ended before it answered`))
  })
  child.on('message', ({ id, result }: { id: number; result: never }) => {
    waiting.get(id)?.resolve(result)
    waiting.delete(id)
  })
  const ask = <T>(command: string, argument?: unknown) =>
    new Promise<T>((resolve, reject) => {
      const id = ++count
      waiting.set(id, { resolve, reject })
      child.send({ id, command, argument })
    })
  return {
    ready,
    ask,
    cpuMs: () => ask<number>('cpuMs'),
    async stop() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
