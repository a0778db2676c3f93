import type { Handlers } from '@sidetone/contract'
import { internalIdentity, nilId } from '@sidetone/contract'
import type { Mailer } from '@sidetone/mail'
import { agentContract } from '@sidetone/proto-schemas/agent'
import type { customerContract } from '@sidetone/proto-schemas/customer'
import { sha256Hex } from '@sidetone/secrets'
import { DuplicateError, now } from '@sidetone/store'
import { insertAccesskey } from './accesskeys.ts'
import { checkWebhookUri, insertCustomer } from './customers.ts'
import type { Core, SignupFields } from './tables.ts'
import { emailVerification, mailing, verificationLinks } from './verify-email.ts'

const keySeconds = 365 * 24 * 3_600

/**
 * Signing up in two steps: a link is mailed, and the link makes the account. Nothing exists before, so an address can neither be
 * blocked nor found out by somebody else, and the access key goes to whoever reads its mail.
 */
export function signupHandlers(
  core: Core,
  mailer: Mailer,
): Pick<Handlers<typeof customerContract>['customer'], 'signup' | 'email_verify'> {
  const { settings, store, jobs, client, customers, signups } = core
  const agents = client(agentContract)
  const links = verificationLinks(core, mailer)
  const verifyChanged = emailVerification(core, links)

  /** Whether a customer or an agent has the address. */
  async function isTaken(email: string): Promise<boolean> {
    if (await customers.findBy(store, '*', { active_email: email })) return true
    return (await agents.agent.by_username({ username: email }, { identity: internalIdentity() })).agent !== null
  }

  jobs.define<SignupFields>('customer.signup_mail', {
    ...mailing,
    async handler(fields, { attempt }) {
      const { email } = fields
      if (attempt === 1 && !(await links.mayMail(email))) return
      const letter = (await isTaken(email.toLowerCase()))
        ? knownLetter()
        : signupLetter(await links.make(email, { customer_id: nilId, fields }))
      await links.send(email, letter)
    },
  })

  return {
    async signup(given, context) {
      const fields = { ...given, terms_agreed_version: settings.TERMS_VERSION }
      await checkWebhookUri(core, fields.webhook_uri, context)
      const key = `signup:${sha256Hex(fields.email.toLowerCase())}`
      await store.transaction((tx) => jobs.enqueue(tx, 'customer.signup_mail', fields, { key }))
      return {}
    },

    async email_verify({ token }, { fail }) {
      const signup = await signups.findBy(store, '*', { token_hash: sha256Hex(token) })
      if (!signup || signup.tm_expire <= now()) throw fail('INVALID_TOKEN')
      const { fields } = signup
      if (fields === null) {
        const customer = await verifyChanged(signup)
        if (!customer) throw fail('INVALID_TOKEN')
        return { customer }
      }
      if (await isTaken(signup.email)) throw fail('INVALID_TOKEN')
      return store
        .transaction(async (tx) => {
          // Of two who use it at the same time, one takes it away.
          if (!(await signups.softDelete(tx, nilId, signup.id))) throw fail('INVALID_TOKEN')
          const customer = await insertCustomer(core, tx, { ...fields, email_verified: true, headless: false })
          const accesskey = await insertAccesskey(core, tx, {
            customer_id: customer.id,
            name: 'Made at sign-up',
            detail: '',
            expire: keySeconds,
          })
          return { customer, accesskey }
        })
        .catch((error: unknown) => {
          throw error instanceof DuplicateError ? fail('INVALID_TOKEN') : error
        })
    },
  }
}

const signupLetter = (link: string) => ({
  subject: 'Confirm your e-mail address',
  text: `Somebody, probably you, wants to make an account for this address.\n\nConfirm it within an hour:\n\n${link}\n\nIf it was not you, there is nothing to do: without it no account is made.`,
})

const knownLetter = () => ({
  subject: 'You have an account already',
  text: 'Somebody, probably you, wanted to make an account for this address, which has one already.\n\nIf you do not know its password, ask for a new one with "password forgotten".',
})
