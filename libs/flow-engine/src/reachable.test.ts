import { ActionInput } from '@sidetone/proto-schemas/action'
import { expect, test } from 'vitest'
import { idOf } from '../test/played.ts'
import { checkActions } from './check-actions.ts'

type Given = Omit<Partial<ActionInput>, 'type'>

/** Action `n` has the id `idOf(n)`, counted from 1; the numbers of those that nothing leads to. */
function unreached(...actions: [type: string, given?: Given][]): number[] {
  const inputs = actions.map(([type, given], index) => ActionInput.parse({ id: idOf(index + 1), type, ...given }))
  const { warnings, problems } = checkActions(inputs)
  expect(problems).toEqual([])
  return warnings.map(({ field }) => Number(field.split('.')[1]) + 1)
}

test.each<[string, [string, Given?][], number[]]>([
  ['everything in order', [['answer'], ['beep'], ['hangup']], []],
  ['what follows the end', [['hangup'], ['beep']], [2]],
  ['what next_id leaves out', [['answer', { next_id: idOf(3) }], ['beep'], ['hangup']], [2]],
  ['what only a failure leads to', [['answer', { error_id: idOf(3) }], ['stop'], ['beep']], []],
  ['a goto that jumps', [['goto', { option: { target_id: idOf(3), loop_count: 1 } }], ['stop'], ['beep']], []],
  ['a goto that never jumps', [['goto', { option: { target_id: idOf(3) } }], ['stop'], ['beep']], [3]],
  ['a branch with a default', [['branch', { option: { default_target_id: idOf(3) } }], ['beep'], ['stop']], [2]],
  ['a branch without one', [['branch', { option: { target_ids: { 1: idOf(3) } } }], ['stop'], ['stop']], []],
  ['what does not hold', [['condition_datetime', { option: { false_target_id: idOf(3) } }], ['stop'], ['beep']], []],
  ['a circle of its own', [['stop'], ['beep', { next_id: idOf(3) }], ['beep', { next_id: idOf(2) }]], [2, 3]],
])('%s', (_, actions, expected) => {
  expect(unreached(...actions)).toEqual(expected)
})
