import { randomBytes } from 'node:crypto'
import { nilId } from '@sidetone/contract'
import { JobAbandoned } from '@sidetone/jobs'
import { type Mailer, MailRefused } from '@sidetone/mail'
import type { Customer } from '@sidetone/proto-schemas/customer'
import { sha256Hex } from '@sidetone/secrets'
import { now, type Tx, timeAfter } from '@sidetone/store'
import type { Core, SignupFields } from './tables.ts'

const hourMs = 3_600_000
const mailsToOne = { name: 'signup-mail', points: 5, durationSeconds: 3_600 }
/** How a job that mails is run. */
export const mailing = {
  maxAttempts: 6,
  backoff: (attempt: number) => 5_000 * 4 ** attempt,
  concurrency: 4,
  timeoutMs: 60_000,
}

/** Links to an address that is not known to be somebody's yet: kept as a hash, for an hour, five to one address in that time. */
export function verificationLinks({ cache, publicUrl, signups, store, jobs }: Core, mailer: Mailer) {
  const takeMail = cache.rateLimiter(mailsToOne)

  jobs.every('customer.clean_signups', {
    everyMs: hourMs,
    timeoutMs: 60_000,
    handler: () => store.kysely.deleteFrom(signups.name).where('tm_expire', '<', now()).execute(),
  })

  return {
    /** Whether the address may be mailed once more. */
    mayMail: async (email: string): Promise<boolean> => (await takeMail(sha256Hex(email.toLowerCase()))).allowed,

    async make(email: string, of: { customer_id: string; fields: SignupFields | null }): Promise<string> {
      const token = randomBytes(32).toString('hex')
      const row = { ...of, email: email.toLowerCase(), token_hash: sha256Hex(token), tm_expire: timeAfter(hourMs) }
      await signups.insert(store, row)
      return `${publicUrl}/auth/email-verify?token=${token}`
    },

    send: (to: string, letter: { subject: string; text: string }): Promise<void> =>
      mailer.send({ to, ...letter }).catch((error: unknown) => {
        throw error instanceof MailRefused ? new JobAbandoned(error.message) : error
      }),
  }
}

export type VerificationLinks = ReturnType<typeof verificationLinks>

type Asked = Pick<Customer, 'id' | 'email'>

/** A customer has an address that nobody has verified: it is mailed a link. */
export const askToVerify = ({ jobs }: Core, tx: Tx, asked: Asked): Promise<void> =>
  jobs.enqueue(tx, 'customer.verify_mail', asked, { key: `verify:${asked.id}` })

/** What `askToVerify` asks for, and what the link does. */
export function emailVerification(core: Core, links: VerificationLinks) {
  const { store, jobs, customers, signups, emit } = core
  const isStill = (customer: Customer | undefined, email: string): boolean =>
    customer?.email_verified === false && customer.email.toLowerCase() === email.toLowerCase()

  jobs.define<Asked>('customer.verify_mail', {
    ...mailing,
    async handler({ id, email }, { attempt }) {
      if (!isStill(await customers.find(store, id, id), email)) return
      if (attempt === 1 && !(await links.mayMail(email))) return
      await links.send(email, verifyLetter(await links.make(email, { customer_id: id, fields: null })))
    },
  })

  /** Undefined when the link is of no use any more: it was used, or the customer has another address by now. */
  return ({ id, customer_id, email }: { id: string; customer_id: string; email: string }) =>
    store.transaction(async (tx) => {
      if (customer_id === nilId || !(await signups.softDelete(tx, customer_id, id))) return undefined
      if (!isStill(await customers.findLocked(tx, customer_id, customer_id), email)) return undefined
      const customer = await customers.update(tx, customer_id, customer_id, { email_verified: true })
      if (customer) await emit(tx, 'customer', 'updated', customer)
      return customer
    })
}

const verifyLetter = (link: string) => ({
  subject: 'Confirm your e-mail address',
  text: `This address was given as that of your account.\n\nConfirm it within an hour:\n\n${link}\n\nLater, save the account's details once more for another link.`,
})
