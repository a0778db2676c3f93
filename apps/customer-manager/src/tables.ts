import { resourceFields } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { Accesskey, Customer, type customerContract } from '@sidetone/proto-schemas/customer'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'

/** A row as it is stored: `active_email` is the e-mail, in lower case, while the customer lives, so that the living are unique. */
const CustomerRow = Customer.extend({ active_email: z.string().nullable() })

/** What somebody asked for at an address that is not known to be theirs yet; of no customer, so its `customer_id` is the nil id. */
const Signup = z.object({
  ...resourceFields,
  email: z.string(),
  token_hash: z.string(),
  fields: Customer.pick({
    name: true,
    detail: true,
    email: true,
    phone_number: true,
    address: true,
    webhook_method: true,
    webhook_uri: true,
  }),
  tm_expire: z.string(),
})
export type SignupFields = z.infer<typeof Signup>['fields']

/** The tables of this manager; webhook secrets are encrypted. */
export const tablesWith = (secrets: Resources['secrets']) => ({
  customers: resourceTable(CustomerRow, 'customer_customer', { encrypted: ['webhook_secret'], secrets }),
  accesskeys: resourceTable(Accesskey.omit({ token: true }), 'customer_accesskey'),
  signups: resourceTable(Signup, 'customer_signup'),
})

export type Core = Resources<typeof customerContract> & ReturnType<typeof tablesWith>
