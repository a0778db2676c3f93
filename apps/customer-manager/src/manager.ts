import { defineManager } from '@sidetone/manager'
import { Accesskey, customerContract } from '@sidetone/proto-schemas/customer'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { accesskeyHandlers } from './accesskeys.ts'
import { CustomerRow, customerHandlers } from './customers.ts'
import { migrations } from './migrations.ts'

export const customerManager = defineManager({
  contract: customerContract,
  settings: z.object({}),
  migrations,
  build(resources) {
    const customers = resourceTable(CustomerRow, 'customer_customer', {
      encrypted: ['webhook_secret'],
      secrets: resources.secrets,
    })
    const accesskeys = resourceTable(Accesskey.omit({ token: true }), 'customer_accesskey')
    return {
      handlers: {
        customer: customerHandlers({ ...resources, customers, accesskeys }),
        accesskey: accesskeyHandlers({ ...resources, accesskeys }),
      },
    }
  },
})
