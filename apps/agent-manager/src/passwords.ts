import { randomBytes } from 'node:crypto'
import { commonError, everyCustomer, type Handlers } from '@sidetone/contract'
import { JobAbandoned } from '@sidetone/jobs'
import { type Mailer, MailRefused } from '@sidetone/mail'
import type { agentContract } from '@sidetone/proto-schemas/agent'
import { hashPassword, PasswordsBusy, sha256Hex, verifyPassword } from '@sidetone/secrets'
import { now, type Tx, timeAfter } from '@sidetone/store'
import { mayGrant } from './rules.ts'
import { endSessionsOf, sessionOf } from './sessions.ts'
import { agents, type Core, passwordTokens, sessions } from './tables.ts'

type AgentHandlers = Handlers<typeof agentContract>['agent']

/** Why somebody is mailed a link for a new password. */
interface PasswordMail {
  username: string
  occasion: 'forgot' | 'welcome'
}

const hourMs = 3_600_000
const validMs = { forgot: hourMs, welcome: 72 * hourMs }
/** Guesses at one account's password, from wherever they come; the gateway counts those of one address. */
const guesses = { name: 'login', points: 10, durationSeconds: 300 }
const mailsToOne = { name: 'password-mail', points: 5, durationSeconds: 3_600 }
const mailTries = 8

export const enqueuePasswordMail = (jobs: Core['jobs'], tx: Tx, mail: PasswordMail): Promise<void> =>
  jobs.enqueue(tx, 'agent.password_mail', mail, { key: `password_mail:${sha256Hex(mail.username)}` })

/** The token is made here and not when it is asked for: a job's payload is no place for it. */
export function definePasswordMails({ jobs, store, cache, publicUrl }: Core, mailer: Mailer): void {
  const takeMail = cache.rateLimiter(mailsToOne)
  jobs.define<PasswordMail>('agent.password_mail', {
    maxAttempts: mailTries,
    backoff: (attempt) => 5_000 * 4 ** attempt,
    concurrency: 4,
    timeoutMs: 60_000,
    async handler({ username, occasion }, { attempt }) {
      const agent = await agents.findBy(store, everyCustomer, { login: username })
      if (!agent || (attempt === 1 && !(await takeMail(agent.id)).allowed)) return
      const token = randomBytes(32).toString('hex')
      await passwordTokens.insert(store, {
        customer_id: agent.customer_id,
        agent_id: agent.id,
        token_hash: sha256Hex(token),
        tm_expire: timeAfter(validMs[occasion]),
      })
      const link = `${publicUrl}/auth/password-reset?token=${token}`
      await mailer.send({ to: agent.username, ...letters[occasion](link) }).catch((error: unknown) => {
        throw error instanceof MailRefused ? new JobAbandoned(error.message) : error
      })
    },
  })
}

const letters = {
  forgot: (link: string) => ({
    subject: 'Set a new password',
    text: `Somebody, probably you, has forgotten the password of this account.\n\nSet a new one within an hour:\n\n${link}\n\nIf it was not you, there is nothing to do.`,
  }),
  welcome: (link: string) => ({
    subject: 'Your account is ready',
    text: `An account has been made for this address.\n\nSet its password within three days:\n\n${link}\n\nLater, ask for a new link with "password forgotten".`,
  }),
}

const loginOf = ({ id, customer_id }: { id: string; customer_id: string }) => ({ id, customer_id })

export function passwordHandlers({
  store,
  emit,
  jobs,
  cache,
}: Core): Pick<AgentHandlers, 'login' | 'check_password' | 'update_password' | 'password_forgot' | 'password_reset'> {
  const guess = cache.rateLimiter(guesses)

  /** Counts every try, right or wrong, known account or not, so that a refusal tells nothing. */
  async function isRight(login: string, password: string, password_hash: string | undefined): Promise<boolean> {
    const { allowed, retryAfterSeconds } = await guess(sha256Hex(login))
    if (!allowed) {
      throw commonError('RATE_LIMIT_EXCEEDED', {
        message: `Too many logins of this account; try again in ${retryAfterSeconds} s.`,
        details: [{ limited_by: 'account', retry_after: Math.max(1, retryAfterSeconds) }],
      })
    }
    // An agent that has set no password yet is as good as unknown.
    return verifyPassword(password, password_hash || undefined).catch(tryAgainWhenBusy)
  }

  async function setPassword(tx: Tx, { id, customer_id }: { id: string; customer_id: string }, password_hash: string) {
    const agent = await agents.update(tx, customer_id, id, { password_hash })
    if (!agent) return undefined
    await tx.kysely.deleteFrom(passwordTokens.name).where('agent_id', '=', id).execute()
    await endSessionsOf(tx, id)
    await emit(tx, 'agent', 'updated', agent)
    return agent
  }

  return {
    async login({ username, password }) {
      const login = username.toLowerCase()
      const agent = await agents.findBy(store, everyCustomer, { login })
      const right = await isRight(login, password, agent?.password_hash)
      if (agent && !right) await store.transaction((tx) => emit(tx, 'agent', 'login_failed', loginOf(agent)))
      if (!agent || !right)
        throw commonError('INVALID_CREDENTIALS', { message: 'The username or the password is wrong.' })
      return store.transaction(async (tx) => {
        await emit(tx, 'agent', 'logged_in', loginOf(agent))
        return { agent, session: await sessions.insert(tx, sessionOf(agent)) }
      })
    },

    async check_password({ id, password }, { scope }) {
      const agent = await agents.find(store, scope, id)
      return { right: await isRight(agent?.username ?? id, password, agent?.password_hash) }
    },

    async update_password({ id, password }, { scope, identity, fail }) {
      const check = (agent: { permission: number } | undefined) => {
        if (!agent) throw fail('AGENT_NOT_FOUND')
        // Whoever sets a password can log in with it, so it is a grant of everything that the agent holds.
        if (!mayGrant(identity, agent.permission)) throw fail('PERMISSION_NOT_HELD')
      }
      check(await agents.find(store, scope, id))
      const password_hash = await hashPassword(password).catch(tryAgainWhenBusy)
      return store.transaction(async (tx) => {
        const agent = await agents.findLocked(tx, scope, id)
        check(agent)
        return (await setPassword(tx, agent!, password_hash))!
      })
    },

    /** The same for every name: who there is, is found out later. */
    async password_forgot({ username }) {
      await store.transaction((tx) =>
        enqueuePasswordMail(jobs, tx, { username: username.toLowerCase(), occasion: 'forgot' }),
      )
      return {}
    },

    async password_reset({ token, password }, { fail }) {
      const token_hash = sha256Hex(token)
      const find = async (db: Tx | typeof store) => {
        const found = await passwordTokens.findBy(db, everyCustomer, { token_hash })
        if (!found || found.tm_expire <= now()) throw fail('INVALID_TOKEN')
        return found
      }
      await find(store)
      const password_hash = await hashPassword(password).catch(tryAgainWhenBusy)
      await store.transaction(async (tx) => {
        const { id, agent_id, customer_id } = await find(tx)
        // Of two who use it at the same time, one takes it away.
        if (!(await passwordTokens.softDelete(tx, customer_id, id))) throw fail('INVALID_TOKEN')
        if (!(await setPassword(tx, { id: agent_id, customer_id }, password_hash))) throw fail('INVALID_TOKEN')
      })
      return {}
    },
  }
}

export function tryAgainWhenBusy(error: unknown): never {
  throw error instanceof PasswordsBusy ? commonError('SERVICE_UNAVAILABLE', { message: error.message }) : error
}
