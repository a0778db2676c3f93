import { createClient, type Transport } from '@sidetone/bus'
import { internalIdentity, permissionBits } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'

interface NewCustomer {
  name: string
  /** Of the customer, and the login of its admin agent. */
  email: string
  password: string
  /** The agent may administer the whole platform. */
  isSuper: boolean
}

/** Makes a customer with an admin agent and an access key, or nothing. */
export async function createCustomer(transport: Transport, { name, email, password, isSuper }: NewCustomer) {
  const options = { transport, publisher: 'admin' }
  const customers = createClient(customerContract, options)
  const { id } = await customers.customer.create({ name, email }, { identity: internalIdentity() })
  const mine = { identity: internalIdentity(id) }
  try {
    const permission = permissionBits.customer_admin | (isSuper ? permissionBits.project_super_admin : 0)
    await createClient(agentContract, options).agent.create({ username: email, password, name, permission }, mine)
    const { token } = await customers.accesskey.create({ name: 'First' }, mine)
    return { customer_id: id, login: email, accesskey: token! }
  } catch (error) {
    await customers.customer.delete({ id }, { identity: internalIdentity() })
    throw error
  }
}
