import { parseArgs } from 'node:util'
import { ApiError } from '@sidetone/contract'
import { openPlatform, platformSettings, readSettings, SettingsError } from '@sidetone/manager'
import { createLogger } from '@sidetone/telemetry'
import { createCustomer } from './create-customer.ts'

const usage = `npm run admin -- create-customer --name <name> --email <login> --password <8 or more characters> [--super]
Makes a customer with an admin agent (with --super one that may administer the whole platform) and prints an access key.
Asks the running managers, so RABBITMQ_URL and the other settings of the deployment must be set.`

try {
  const { positionals, values } = readArguments()
  const { name, email, password } = values
  if (positionals[0] !== 'create-customer' || !name || !email || !password) throw new SettingsError(usage)
  await run({ name, email, password, isSuper: values.super })
} catch (error) {
  console.error(error instanceof SettingsError || error instanceof ApiError ? error.message : error)
  process.exit(1)
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        email: { type: 'string' },
        password: { type: 'string' },
        super: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new SettingsError(`${(error as Error).message.split('. ')[0]}\n${usage}`)
  }
}

async function run(customer: Parameters<typeof createCustomer>[1]): Promise<void> {
  const settings = readSettings(platformSettings, process.env)
  if (!settings.RABBITMQ_URL)
    throw new SettingsError('RABBITMQ_URL is not set; an embedded platform has its customer from the first start.')
  const platform = await openPlatform('admin', settings, createLogger({ service: 'admin', level: 'warn' }))
  try {
    console.log(JSON.stringify(await createCustomer(platform.transport, customer), null, 2))
  } finally {
    await platform.close()
  }
}
