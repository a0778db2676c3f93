import { createMailer, mailSettings } from '@sidetone/mail'
import { defineManager } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { z } from 'zod'
import { accesskeyHandlers } from './accesskeys.ts'
import { customerHandlers } from './customers.ts'
import { migrations } from './migrations.ts'
import { signupHandlers } from './signup.ts'
import { tablesWith } from './tables.ts'

export const customerManager = defineManager({
  contract: customerContract,
  settings: z.object(mailSettings),
  migrations,
  build(resources) {
    const core = { ...resources, ...tablesWith(resources.secrets) }
    const mailer = createMailer(resources.settings)
    return {
      handlers: {
        customer: { ...customerHandlers(core), ...signupHandlers(core, mailer) },
        accesskey: accesskeyHandlers(core),
      },
      stop: async () => mailer.close(),
    }
  },
})
