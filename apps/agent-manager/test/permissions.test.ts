import { ApiError, internalIdentity, permissionBits } from '@sidetone/contract'
import { testDatabases } from '@sidetone/store/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fieldsOf, holding, insertAgent, newCustomer, type Running, start } from './start.ts'

let running: Running
beforeAll(async () => {
  running = await start(await (await testDatabases('permissions'))[0]!.create())
})
afterAll(() => running.close())

/** Written down anew, so that the rule is not tested by itself: what somebody with these bits can do, as bits. */
function reach(permission: number): number {
  if (permission & permissionBits.project_super_admin) return 0xffff
  if (permission & permissionBits.customer_admin) return permission | 0xf0
  return permission & permissionBits.customer_manager ? permission | permissionBits.customer_agent : permission
}
const within = (permission: number, granter: number): boolean => (permission & ~reach(granter)) === 0

const bits = fc.subarray([1, 2, 8, 16, 32, 64, 128, 256]).map((list) => list.reduce((sum, bit) => sum | bit, 0))
const step = fc.record({
  /** Which of the agents acts, and on which. */
  actor: fc.nat(7),
  target: fc.nat(7),
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('update_permission', 'delete') },
    // Each costs a tenth of a second of hashing.
    { weight: 1, arbitrary: fc.constantFrom('create', 'update_password') },
  ),
  permission: bits,
})

test('no sequence of operations gives anybody more than whoever granted it had, or takes from those who have more', async () => {
  await fc.assert(
    fc.asyncProperty(bits, bits, fc.array(step, { minLength: 4, maxLength: 10 }), async (first, second, steps) => {
      const customer = newCustomer()
      const platform = running.as(internalIdentity(customer)).agent
      // One admin stays, so that the last one is never at stake.
      for (const permission of [permissionBits.customer_admin, first, second])
        await insertAgent(running, customer, permission)
      const before = await everyone()
      let highest = 0
      for (const { permission } of before.values()) highest |= reach(permission)

      for (const { actor, target, what, permission } of steps) {
        const all = [...(await everyone()).values()]
        const [acting, acted] = [all[actor % all.length]!, all[target % all.length]!]
        const agents = running.as({ ...holding(customer, acting.permission), agent_id: acting.id }).agent
        const { id } = acted
        const allowed = {
          create: () => within(permission, acting.permission),
          update_permission: () => within(permission, acting.permission) && within(acted.permission, acting.permission),
          update_password: () => within(acted.permission, acting.permission),
          delete: () => within(acted.permission, acting.permission),
        }[what]()
        const outcome = await {
          create: () => agents.create(fieldsOf(permission)),
          update_permission: () => agents.update_permission({ id, permission }),
          update_password: () => agents.update_password({ id, password: 'long enough' }),
          delete: () => agents.delete({ id }),
        }
          [what]()
          .catch((error: unknown) => error)
        const refused = outcome instanceof ApiError && outcome.reason === 'PERMISSION_NOT_HELD'
        expect(refused).toBe(!allowed)
        for (const agent of (await everyone()).values()) expect(within(agent.permission, highest)).toBe(true)
      }

      async function everyone() {
        const { result } = await platform.list({})
        return new Map(result.map((agent) => [agent.id, agent]))
      }
    }),
    { numRuns: 25, endOnFailure: true },
  )
}, 120_000)
