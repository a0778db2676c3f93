import type { Handlers, Scope } from '@sidetone/contract'
import type { callContract } from '@sidetone/proto-schemas/call'
import type { Core } from './core.ts'
import { createGroupcall } from './create-calls.ts'
import { deleteGroupcall, hangUpGroupcall } from './groupcalls.ts'

export function groupcallHandlers(core: Core): Handlers<typeof callContract>['groupcall'] {
  const { store, groupcalls } = core

  async function found(scope: Scope, id: string, fail: (reason: 'GROUPCALL_NOT_FOUND') => Error) {
    const groupcall = await groupcalls.find(store, scope, id)
    if (!groupcall) throw fail('GROUPCALL_NOT_FOUND')
    return groupcall
  }

  return {
    list: (query, { customer_id }) => groupcalls.page(store, customer_id, query),
    create: createGroupcall(core),
    get: ({ id }, { scope, fail }) => found(scope, id, fail),

    async delete({ id }, { scope, fail }) {
      await found(scope, id, fail)
      // One that lives is deleted when it has ended: its end is announced all the same.
      const marked = await groupcalls.update(
        store,
        scope,
        id,
        { delete_at_end: true },
        { where: { status: ['progressing', 'hangingup'] } },
      )
      if (!marked) return (await deleteGroupcall(core, id)) ?? Promise.reject(fail('GROUPCALL_NOT_FOUND'))
      await hangUpGroupcall(core, id)
      return (await groupcalls.find(store, scope, id)) ?? marked
    },

    async hangup({ id }, { scope, fail }) {
      const { status } = await found(scope, id, fail)
      if (status === 'hangup') throw fail('GROUPCALL_ALREADY_HANGUP')
      await hangUpGroupcall(core, id)
      return found(scope, id, fail)
    },
  }
}
