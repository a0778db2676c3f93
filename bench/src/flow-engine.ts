// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { internalIdentity, nilId } from '@sidetone/contract'
import { checkActions, type FlowState, run, startOf } from '@sidetone/flow-engine'
import { flowManager } from '@sidetone/flow-manager'
import { ActionInput } from '@sidetone/proto-schemas/action'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { benchmark, cpuMs } from './benchmark.ts'
import { alternate, type Figure, median, ratios, spread } from './report.ts'

const rounds = 5
const actionsInRound = 100_000
const callsInRound = 50
/** As long as a call with a menu takes. */
const stepsOfCall = 20
const engineTarget = 50_000
const databaseTarget = 500
const now = '2026-11-21T10:00:00.000000Z'

const customer = randomUUID()
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** A menu without an end: six actions a round, of which the call executes two. */
const menu = [
  { id: idOf(1), type: 'talk', option: { text: 'Hello ${name}. Press 1 or 2.', digits_handle: 'next' } },
  { type: 'digits_receive', option: { duration: 5_000, length: 1 } },
  { type: 'variable_set', option: { key: 'last', value: '${voipbin.call.digits}' } },
  {
    type: 'condition_variable',
    option: { condition: '==', variable: '${last}', value_string: '1', false_target_id: idOf(2) },
  },
  { id: idOf(2), type: 'branch', option: { target_ids: { 9: idOf(3) } } },
  { type: 'goto', option: { target_id: idOf(1), loop_count: 1_000_000 } },
  { id: idOf(3), type: 'hangup' },
].map((action) => ActionInput.parse(action))

interface Rate {
  perSecond: number
  cpuUs: number
}

async function measured(count: number, work: () => unknown): Promise<Rate> {
  const [startedAt, cpuBefore] = [performance.now(), cpuMs()]
  await work()
  return {
    perSecond: count / ((performance.now() - startedAt) / 1_000),
    cpuUs: ((cpuMs() - cpuBefore) * 1_000) / count,
  }
}

/** The engine alone, as the flow manager calls it. */
function engineRound(): Promise<Rate> {
  const { actions } = checkActions(menu)
  const begin = (): FlowState => ({ ...startOf(actions), variables: { name: 'Ann', 'voipbin.call.digits': '1' } })
  return measured(actionsInRound, () => {
    let done = 0
    for (let state = begin(); done < actionsInRound; ) {
      const before = state.execute_count
      ;({ state } = run(state, { hasCall: true, now, maxSteps: 1_000 }))
      done += state.execute_count - before
      // One flow executes so many actions at most.
      if (state.status === 'ended') state = begin()
    }
  })
}

/** Each action looked up and copied, and nothing else. */
function copyRound(): Promise<Rate> {
  const { actions } = checkActions(menu)
  return measured(actionsInRound, () => {
    let id = actions[0]!.id
    for (let done = 1; done <= actionsInRound; done++) {
      const found = actions.find((action) => action.id === id)
      JSON.parse(JSON.stringify(found))
      id = actions[done % actions.length]!.id
    }
  })
}

const newCall = () => ({ id: randomUUID(), reference_type: 'call' as const, reference_id: randomUUID() })

/** What the call manager asks for its calls, on SQLite; each step is committed with its event, which is relayed. */
function databaseRound(app: TestPlatform): Promise<Rate> {
  const { activeflow } = app.as(flowContract, internalIdentity(customer))
  return measured(callsInRound * stepsOfCall, async () => {
    for (let call = 0; call < callsInRound; call++) {
      const { id } = await activeflow.start({ ...newCall(), actions: menu })
      let current_action_id: string = nilId
      for (let step = 0; step < stepsOfCall; step++) {
        const { action } = await activeflow.next({ id, current_action_id })
        current_action_id = action!.id
      }
    }
  })
}

/** The same bytes, read and written by the database alone. */
function bareDatabase(file: string, row: string) {
  const db = new DatabaseSync(file)
  db.exec('pragma journal_mode = wal; pragma synchronous = normal')
  db.exec('create table flow (id text primary key, state text)')
  db.exec('create table outbox (id integer primary key, event text)')
  db.prepare('insert into flow values (?, ?)').run('one', row)
  const read = db.prepare('select state from flow where id = ?')
  const write = db.prepare('update flow set state = ? where id = ?')
  const emit = db.prepare('insert into outbox (event) values (?)')
  const steps = callsInRound * stepsOfCall
  return {
    round: () =>
      measured(steps, () => {
        for (let step = 0; step < steps; step++) {
          db.exec('begin immediate')
          const { state } = read.get('one') as { state: string }
          write.run(state, 'one')
          emit.run(state)
          db.exec('commit')
        }
      }),
    close: () => db.close(),
  }
}

function figures(
  name: string,
  results: { ours: Rate[]; limit: Rate[] },
  { unit, target }: { unit: string; target: number },
): Figure[] {
  const of = (field: keyof Rate) =>
    [results.ours, results.limit].map((side) => side.map((one) => one[field])) as [number[], number[]]
  const [ours, limit] = of('perSecond')
  const [oursUs, limitUs] = of('cpuUs')
  return [
    {
      name,
      ours: spread(ours, ' /s'),
      limit: spread(limit, ' /s'),
      ratio: spread(ratios(ours, limit)),
      target: `≥ ${target.toLocaleString('en')} /s`,
      met: median(ours) >= target,
    },
    {
      name: `  CPU per ${unit}`,
      ours: spread(oursUs, ' µs'),
      limit: spread(limitUs, ' µs'),
      ratio: spread(ratios(oursUs, limitUs)),
      target: '',
      met: true,
    },
  ]
}

await benchmark({}, async () => {
  await engineRound()
  await copyRound()
  const engine = await alternate(rounds, engineRound, copyRound)

  const folder = await mkdtemp(join(tmpdir(), 'sidetone-bench-'))
  const app = await startTestPlatform({ managers: [flowManager] })
  const one = await app.as(flowContract, internalIdentity(customer)).activeflow.start({ ...newCall(), actions: menu })
  const halfway = Array.from({ length: (stepsOfCall * 3) / 2 }, () => menu[0])
  const row = JSON.stringify({ ...one, executed_actions: halfway, stack_map: menu })
  const bare = bareDatabase(join(folder, 'bare.db'), row)
  await databaseRound(app)
  const database = await alternate(rounds, () => databaseRound(app), bare.round)
  bare.close()
  await app.close()
  await rm(folder, { recursive: true })

  return [
    ...figures('actions of a flow, engine alone (limit: look-up and JSON copy)', engine, {
      unit: 'action',
      target: engineTarget,
    }),
    ...figures('steps of calls’ flows on SQLite (limit: the same bytes, read and written)', database, {
      unit: 'step',
      target: databaseTarget,
    }),
  ]
})
