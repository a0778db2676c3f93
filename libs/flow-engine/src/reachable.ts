import { nilId } from '@sidetone/contract'
import { type Action, actionOptions } from '@sidetone/proto-schemas/action'

/** The places of the actions that no way through the list leads to. */
export function unreachable(actions: readonly Action[]): number[] {
  const places = new Map(actions.map(({ id }, index) => [id, index]))
  const reached = new Set<number>()
  const waiting = actions.length > 0 ? [0] : []
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (reached.has(index)) continue
    reached.add(index)
    for (const target of waysOn(actions[index]!)) {
      const place = target === following ? index + 1 : places.get(target)
      if (place !== undefined && place < actions.length) waiting.push(place)
    }
  }
  return actions.flatMap((_, index) => (reached.has(index) ? [] : [index]))
}

const following = 'following'

/** Ids of the actions that may come next, and `following` for the next in the list. */
function waysOn({ type, next_id, error_id, option }: Action): string[] {
  const after = next_id === nilId ? following : next_id
  const aside = error_id ? [error_id] : []
  if (type === 'stop' || type === 'hangup') return aside
  if (type === 'goto') {
    const { target_id, loop_count } = actionOptions.goto.parse(option)
    return loop_count > 0 ? [target_id, after, ...aside] : [after, ...aside]
  }
  if (type === 'branch') {
    const { default_target_id, target_ids } = actionOptions.branch.parse(option)
    return [default_target_id === nilId ? after : default_target_id, ...Object.values(target_ids), ...aside]
  }
  const { false_target_id } = option
  const otherwise =
    typeof false_target_id === 'string' && false_target_id !== nilId ? [false_target_id.toLowerCase()] : []
  return [after, ...otherwise, ...aside]
}
