import { createClient, type Transport } from '@sidetone/bus'
import { ApiError, type Contract, internalIdentity, permissionBits } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { numberContract } from '@sidetone/proto-schemas/number'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import type { DataDir } from './data-dir.ts'
import { demoActions, echoActions } from './seed-flows.ts'

export const seeded = {
  login: 'admin@localhost',
  extensions: Array.from({ length: 10 }, (_, index) => String(1000 + index)),
  demoNumber: '+15550100000',
  echoNumber: '+15550100001',
}

/** Fills an empty database with what a first call needs. Runs again harmlessly after a start that was cut off. */
export async function seed(transport: Transport, dataDir: DataDir): Promise<void> {
  if (dataDir.keys.accesskey) return
  const client = <C extends Contract>(contract: C) => createClient(contract, { transport, publisher: 'sidetone' })
  const { customer_id } = dataDir.keys
  const platform = { identity: internalIdentity() }
  const mine = { identity: internalIdentity(customer_id) }
  const customers = client(customerContract)
  const flows = client(flowContract)
  const numbers = client(numberContract)

  await unlessThere(customers.customer.create({ id: customer_id, name: 'Local', email: seeded.login }, platform))
  await unlessThere(
    client(agentContract).agent.create(
      {
        username: seeded.login,
        password: seeded.login,
        name: 'Admin',
        permission: permissionBits.customer_admin | permissionBits.project_super_admin,
      },
      mine,
    ),
  )
  const accounts = client(billingContract).billing_account
  const { id: account_id } = await accounts.own({}, mine)
  await accounts.update_plan_type({ id: account_id, plan_type: 'unlimited' }, platform)
  for (const extension of seeded.extensions) {
    const fields = { extension, password: `pass${extension}`, name: `Extension ${extension}` }
    await unlessThere(client(registrarContract).extension.create(fields, mine))
  }
  for (const [number, name, actions] of [
    [seeded.demoNumber, 'Demo IVR', demoActions()],
    [seeded.echoNumber, 'Echo', echoActions()],
  ] as const) {
    const flow = await flows.flow.create({ name, actions: [...actions] }, mine)
    await unlessThere(numbers.number.register({ customer_id, number, name, call_flow_id: flow.id }, platform))
  }
  const accesskey = await customers.accesskey.create({ name: 'Made at the first start' }, mine)
  dataDir.keys.accesskey = accesskey.token!
  dataDir.save()
}

async function unlessThere(create: Promise<unknown>): Promise<void> {
  await create.catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 'ALREADY_EXISTS')) throw error
  })
}
