import { type Action, ActionInput } from '@sidetone/proto-schemas/action'
import { Scenario, type Simulation, type TraceEntry } from '@sidetone/proto-schemas/simulation'
import { z } from 'zod'
import { checkActions } from './check-actions.ts'
import { type Answer, end, fail, run } from './engine.ts'
import { scriptedCaller } from './scripted-caller.ts'
import { simulatedCall } from './simulated-call.ts'
import { type FlowState, startOf } from './state.ts'

interface SimulateOptions {
  /** The actions of the flows that `fetch_flow` may name. */
  flowOf?: (id: string) => Promise<readonly z.input<typeof ActionInput>[] | undefined>
}

const maxTrace = 2_000
/** As on the platform: between two actions for the call. */
const maxSteps = 1_000

/**
 * Runs a flow against a scripted caller, with a clock of its own and without asking anybody:
 * `await simulate([{ type: 'answer' }], { caller: [{ at: 2_000, type: 'digits', value: '1' }] })`.
 * Throws a TypeError for a flow that could not be saved.
 */
export async function simulate(
  program: readonly z.input<typeof ActionInput>[],
  given: z.input<typeof Scenario> = {},
  { flowOf = async () => undefined }: SimulateOptions = {},
): Promise<Simulation> {
  const scenario = Scenario.parse(given)
  const startMs = scenario.time === undefined ? Date.now() : Date.parse(scenario.time)
  const answers = [...scenario.answers]
  const trace: TraceEntry[] = []
  const add = (type: TraceEntry['type'], value = '', action?: Action) =>
    trace.push({ at: caller.clock, type, value, ...(action && { action }) })
  const caller = scriptedCaller(scenario.call ? scenario.caller : [], ({ type, value }) => add(type, value))
  const call = simulatedCall(caller)
  const now = () => new Date(startMs + caller.clock).toISOString()

  let state: FlowState = { ...startOf(checked(program)), variables: variablesOf(scenario) }
  function advance(maxSteps: 0 | 1, answer?: Answer) {
    const ran = run(state, { hasCall: scenario.call, now: now(), maxSteps, answer })
    const moved = ran.state.execute_count > state.execute_count
    state = ran.state
    if (moved && state.status === 'running') add('action', '', state.current_action)
    for (const webhook of ran.webhooks) add('webhook', webhook.data, { ...state.current_action, option: webhook })
    for (const { action, problem } of ran.failures) add('failure', problem, action)
    return ran.outcome.kind
  }

  /** What becomes of the current action where the engine alone does not execute it. */
  async function executed(kind: 'call' | 'other'): Promise<Answer> {
    const action = state.current_action
    const index = answers.findIndex((one) => one.action === action.type || one.action === action.id)
    const [scripted] = index < 0 ? [] : answers.splice(index, 1)
    const { duration } = scripted ?? {}
    const own =
      kind === 'call'
        ? call.execute(action, state.variables, duration)
        : caller.pass(duration ?? (services.has(action.type) ? serviceMs(action) : 0))
    if (!scripted) return own ?? usualAnswer(action, flowOf)
    const { actions, problems } = checkActions(scripted.actions)
    const problem = scripted.problem ?? problems.map((one) => `${one.field}: ${one.problem}`)[0]
    return { actions, variables: { ...own?.variables, ...scripted.variables }, ...(problem && { problem }) }
  }
  const serviceMs = ({ option }: Action): number => Number(option.duration) * 1_000 || caller.left()

  for (let steps = 0; trace.length < maxTrace; steps++) {
    const kind = advance(1)
    if (state.status === 'ended') break
    if (steps >= maxSteps) {
      state = fail(state, `it executed ${maxSteps} actions without one for the call, which is too many`).state
      break
    }
    if (kind === 'blocked') break
    if (kind !== 'call' && kind !== 'other') continue
    if (kind === 'call') steps = 0
    const answer = await executed(kind)
    if (caller.hasHungUp || state.current_action.type === 'hangup') state = end(state)
    else advance(0, answer)
    if (state.status === 'ended') break
  }
  if (state.status === 'ended') add('end', state.error)
  const { status, error, variables } = state
  return {
    trace,
    status: status === 'ended' ? 'ended' : 'running',
    error: status === 'ended' ? error : whyItStopped(state, trace.length),
    duration: caller.clock,
    time_end: now(),
    final_variables: variables,
  }
}

const whyItStopped = ({ current_action: { id, type } }: FlowState, entries: number): string =>
  type === 'block' ? `action ${id} (block) waits to be continued` : `it was cut off after ${entries} entries`

/** They last as long as the caller stays, if nothing ends them. */
const services = new Set(['ai_talk', 'conference_join', 'queue_join'])

async function usualAnswer({ type, option }: Action, flowOf: NonNullable<SimulateOptions['flowOf']>): Promise<Answer> {
  if (type === 'fetch') return { problem: 'the scenario has no answer to it' }
  if (type === 'condition_call_status')
    return option.status === 'progressing' ? {} : { target_id: String(option.false_target_id) }
  if (type !== 'fetch_flow') return {}
  const actions = await flowOf(String(option.flow_id))
  return actions ? { actions: checked(actions) } : { problem: 'flow_id: the flow was not found' }
}

function checked(program: readonly z.input<typeof ActionInput>[]): Action[] {
  const { actions, problems } = checkActions(z.array(ActionInput).parse(program))
  const [first] = problems
  if (first) throw new TypeError(`${first.field}: ${first.problem}`)
  return actions
}

function variablesOf({ call, source, destination, variables }: Scenario): Record<string, string> {
  if (!call) return variables
  const described = Object.entries({ source, destination }).flatMap(([side, address]) =>
    Object.entries(address).map(([field, value]) => [`voipbin.call.${side}.${field}`, value]),
  )
  return { 'voipbin.call.direction': 'incoming', ...Object.fromEntries(described), ...variables }
}
