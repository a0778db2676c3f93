import { parseArgs } from 'node:util'
import { createClient } from '@sidetone/bus'
import { ApiError, internalIdentity, permissionBits } from '@sidetone/contract'
import { openPlatform, platformSettings, readSettings, SettingsError } from '@sidetone/manager'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { createLogger } from '@sidetone/telemetry'

const usage = `npm run admin -- create-customer --name <name> --email <login> --password <8 or more characters> [--super]
Makes a customer with an admin agent (with --super one that may administer the whole platform) and prints an access key.
Asks the running managers, so RABBITMQ_URL and the other settings of the deployment must be set.`

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      email: { type: 'string' },
      password: { type: 'string' },
      super: { type: 'boolean', default: false },
    },
  })
  const { name, email, password } = values
  if (positionals[0] !== 'create-customer' || !name || !email || !password) throw new SettingsError(usage)
  await createCustomer({ name, email, password, isSuper: values.super })
} catch (error) {
  console.error(error instanceof SettingsError || error instanceof ApiError ? error.message : error)
  process.exit(1)
}

async function createCustomer({
  name,
  email,
  password,
  isSuper,
}: {
  name: string
  email: string
  password: string
  isSuper: boolean
}): Promise<void> {
  const settings = readSettings(platformSettings, process.env)
  if (!settings.RABBITMQ_URL)
    throw new SettingsError('RABBITMQ_URL is not set; an embedded platform has its customer from the first start.')
  const platform = await openPlatform('admin', settings, createLogger({ service: 'admin', level: 'warn' }))
  const options = { transport: platform.transport, publisher: 'admin' }
  try {
    const customer = await createClient(customerContract, options).customer.create(
      { name, email },
      { identity: internalIdentity() },
    )
    const mine = { identity: internalIdentity(customer.id) }
    const permission = permissionBits.customer_admin | (isSuper ? permissionBits.project_super_admin : 0)
    await createClient(agentContract, options).agent.create({ username: email, password, name, permission }, mine)
    const accesskey = await createClient(customerContract, options).accesskey.create({ name: 'First' }, mine)
    console.log(JSON.stringify({ customer_id: customer.id, login: email, accesskey: accesskey.token }, null, 2))
  } finally {
    await platform.close()
  }
}
