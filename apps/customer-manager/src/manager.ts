import { nilId } from '@sidetone/contract'
import { createMailer } from '@sidetone/mail'
import { defineManager, react } from '@sidetone/manager'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { accesskeyHandlers } from './accesskeys.ts'
import { customerHandlers } from './customers.ts'
import { migrations } from './migrations.ts'
import { signupHandlers } from './signup.ts'
import { customerSettings, tablesWith } from './tables.ts'

export const customerManager = defineManager({
  contract: customerContract,
  settings: customerSettings,
  migrations,
  build(resources) {
    const core = { ...resources, ...tablesWith(resources.secrets) }
    const mailer = createMailer(resources.settings)
    return {
      handlers: {
        customer: { ...customerHandlers(core), ...signupHandlers(core, mailer) },
        accesskey: accesskeyHandlers(core),
      },
      // A customer's own row stays, so that its id is nobody else's.
      purges: { accesskey: core.accesskeys },
      reactions: [
        react(billingContract, 'billing_account', 'created', async (tx, { id, customer_id }) => {
          const patch = { billing_account_id: id }
          const where = { billing_account_id: nilId }
          const customer = await core.customers.update(tx, customer_id, customer_id, patch, { where })
          if (customer) await core.emit(tx, 'customer', 'updated', customer)
        }),
      ],
      stop: async () => mailer.close(),
    }
  },
})
