import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Figure, printTable } from './report.ts'

const benchmarks = [
  'rpc-rabbitmq',
  'rpc-in-process',
  'http-get',
  'families',
  'list-pages',
  'event-latency',
  'webhooks',
  'invite-to-200',
  'switch-calls',
  'switch-audio',
  'switch-overload',
  'switch-leaks',
  'flow-engine',
  'start-to-ready',
]

// Each in a process of its own, so that none runs code that another has warmed up.
const all: Figure[] = []
for (const name of benchmarks) {
  console.log(`${name} …`)
  const child = fork(join(import.meta.dirname, `${name}.ts`))
  child.on('message', (figures: Figure[]) => all.push(...figures))
  const [code] = await once(child, 'close')
  if (code !== 0) process.exitCode = 1
}
printTable(all)
