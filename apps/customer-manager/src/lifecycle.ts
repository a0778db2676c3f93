import { type ApiError, everyCustomer, type Handlers, internalIdentity, type Scope } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { type Customer, type customerContract, deletionGraceMs } from '@sidetone/proto-schemas/customer'
import { type Tx, timeAfter } from '@sidetone/store'
import type { Core } from './tables.ts'

type CustomerHandlers = Handlers<typeof customerContract>['customer']

const confirmationPhrase = 'DELETE'
const deletionKey = (id: string) => `customer.delete:${id}`

/** What happens to a customer as a whole: frozen, recovered, deleted. Other managers follow by its events. */
function lifecycle(core: Core) {
  const { store, emit, jobs, customers, accesskeys } = core

  async function freeze(tx: Tx, scope: Scope, id: string): Promise<Customer | undefined> {
    const before = await customers.findLocked(tx, scope, id)
    if (!before || before.status === 'frozen') return before
    const frozen = await customers.update(tx, scope, id, { status: 'frozen', tm_deletion_scheduled: tx.now() })
    await emit(tx, 'customer', 'frozen', frozen!)
    await jobs.enqueue(tx, 'customer.delete', { id }, { key: deletionKey(id), runAt: timeAfter(deletionGraceMs) })
    return frozen
  }

  async function recover(tx: Tx, scope: Scope, id: string): Promise<Customer | undefined> {
    const before = await customers.findLocked(tx, scope, id)
    if (before?.status !== 'frozen') return before
    const active = await customers.update(tx, scope, id, { status: 'active', tm_deletion_scheduled: null })
    await emit(tx, 'customer', 'recovered', active!)
    await jobs.cancel(tx, deletionKey(id))
    return active
  }

  /** The row stays for the records, without what tells who it was. */
  async function remove(tx: Tx, scope: Scope, id: string): Promise<Customer | undefined> {
    const name = id.slice(0, 8)
    await customers.update(tx, scope, id, {
      status: 'deleted',
      active_email: null,
      name: `deleted_user_${name}`,
      email: `deleted_${name}@removed.invalid`,
      detail: '',
      phone_number: '',
      address: '',
      terms_agreed_ip: '',
      webhook_uri: '',
    })
    const customer = await customers.softDelete(tx, scope, id)
    if (!customer) return undefined
    await accesskeys.softDeleteAllOf(tx, id)
    await jobs.cancel(tx, deletionKey(id))
    await emit(tx, 'customer', 'deleted', customer)
    return customer
  }

  jobs.define<{ id: string }>('customer.delete', {
    maxAttempts: 100,
    backoff: () => 60_000,
    concurrency: 1,
    timeoutMs: 60_000,
    handler: ({ id }) =>
      store.transaction(async (tx) => {
        const customer = await customers.findLocked(tx, everyCustomer, id)
        // Recovered at the last moment.
        if (customer?.status === 'frozen') await remove(tx, id, id)
      }),
  })

  return { freeze, recover, remove }
}

export function lifecycleHandlers(
  core: Core,
): Pick<CustomerHandlers, 'freeze' | 'recover' | 'delete' | 'unregister' | 'recover_own'> {
  const { store, client } = core
  const { freeze, recover, remove } = lifecycle(core)
  const agents = client(agentContract)

  /** Runs one of the steps, on a customer that must be there. */
  const done = async (
    step: (tx: Tx, scope: Scope, id: string) => Promise<Customer | undefined>,
    { id, scope, fail }: { id: string; scope: Scope; fail: (reason: 'CUSTOMER_NOT_FOUND') => ApiError },
  ): Promise<Customer> => {
    const customer = await store.transaction((tx) => step(tx, scope, id))
    if (!customer) throw fail('CUSTOMER_NOT_FOUND')
    return customer
  }

  return {
    freeze: ({ id }, { scope, fail }) => done(freeze, { id, scope, fail }),
    recover: ({ id }, { scope, fail }) => done(recover, { id, scope, fail }),
    delete: ({ id }, { scope, fail }) => done(remove, { id, scope, fail }),

    async unregister({ password, confirmation_phrase, immediate }, { customer_id, identity, fail }) {
      if ((password === undefined) === (confirmation_phrase === undefined)) throw fail('CONFIRMATION_NEEDED')
      const right =
        password === undefined
          ? confirmation_phrase === confirmationPhrase
          : (
              await agents.agent.check_password(
                { id: identity.agent_id, password },
                { identity: internalIdentity(customer_id) },
              )
            ).right
      if (!right) {
        const field = password === undefined ? 'confirmation_phrase' : 'password'
        throw fail('CONFIRMATION_NEEDED', {
          message: `${field}: is wrong.`,
          details: [{ field, problem: 'is wrong' }],
        })
      }
      const step = immediate ? remove : freeze
      return done(step, { id: customer_id, scope: customer_id, fail })
    },

    recover_own: (_, { customer_id, fail }) => done(recover, { id: customer_id, scope: customer_id, fail }),
  }
}
