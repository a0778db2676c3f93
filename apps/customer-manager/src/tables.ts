import { resourceFields } from '@sidetone/contract'
import { mailSettings } from '@sidetone/mail'
import type { Resources } from '@sidetone/manager'
import { Accesskey, CustomerAdmin, type customerContract } from '@sidetone/proto-schemas/customer'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'

/** A row as it is stored: `active_email` is the e-mail, in lower case, while the customer lives, so that the living are unique. */
const CustomerRow = CustomerAdmin.extend({ active_email: z.string().nullable() })

const SignupFields = CustomerAdmin.pick({
  name: true,
  detail: true,
  email: true,
  phone_number: true,
  address: true,
  webhook_method: true,
  webhook_uri: true,
  terms_agreed_version: true,
  terms_agreed_ip: true,
})
export type SignupFields = z.infer<typeof SignupFields>

/** What somebody asked for at an address that is not known to be theirs yet. One who signs up is no customer: the nil id, and its `fields`. */
const Signup = z.object({
  ...resourceFields,
  email: z.string(),
  token_hash: z.string(),
  fields: SignupFields.nullable(),
  tm_expire: z.string(),
})

export const customerSettings = z.object({
  ...mailSettings,
  /** Which terms somebody accepts who signs up now; kept with the customer. */
  TERMS_VERSION: z.string().max(64).default(''),
})

/** The tables of this manager; webhook secrets are encrypted. */
export const tablesWith = (secrets: Resources['secrets']) => ({
  customers: resourceTable(CustomerRow, 'customer_customer', { encrypted: ['webhook_secret'], secrets }),
  accesskeys: resourceTable(Accesskey.omit({ token: true }), 'customer_accesskey'),
  signups: resourceTable(Signup, 'customer_signup'),
})

export type Core = Resources<typeof customerContract, z.output<typeof customerSettings>> & ReturnType<typeof tablesWith>
