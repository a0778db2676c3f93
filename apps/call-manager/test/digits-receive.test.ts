import { nilId } from '@sidetone/contract'
import { expect, test } from 'vitest'
import { digitsReceive } from '../src/actions/digits-receive.ts'
import type { CallRow } from '../src/call-row.ts'
import type { Core } from '../src/core.ts'

const call = { activeflow_id: nilId, customer_id: nilId, typed: '1', shown: 1 } as CallRow
const option = { length: 2, key: '', duration: 5_000 }
const flowWith = (digits: string) =>
  ({
    managers: { flow: { activeflow: { variables: async () => ({ variables: { 'voipbin.call.digits': digits } }) } } },
  }) as unknown as Core

async function begin(core: Core, now: CallRow) {
  const outcome = await digitsReceive.begin(core, call, option)
  return typeof outcome === 'function' ? outcome(now) : outcome
}

test('a digit that comes while the action begins is not lost', async () => {
  const now = { ...call, typed: '12' }
  expect(await begin(flowWith('1'), now)).toMatchObject({ leave: true, digits: '12' })
  expect(await begin(flowWith(''), now)).toMatchObject({ set: { typed: '2' }, timerMs: 5_000 })
})
