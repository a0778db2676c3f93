import { createTransport } from 'nodemailer'
import { z } from 'zod'

/** What a program that sends mail reads from its environment. */
export const mailSettings = {
  /** `smtp://user:password@host:587` or `smtps://…`; absent: mails are printed on the console instead. */
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'must begin with smtp:// or smtps://' }).optional(),
  MAIL_FROM: z.string().default('Sidetone <no-reply@localhost>'),
}

/** A mail in plain text. */
export interface Mail {
  to: string
  subject: string
  text: string
}

/** Hands mails to a mail server. */
export interface Mailer {
  /** Rejects with `MailRefused` when trying again is of no use, with anything else when it may be. */
  send: (mail: Mail) => Promise<void>
  close: () => void
}

/** The mail server will not take this mail, now or later (RFC 5321 4.2.1: a 5yz reply). */
export class MailRefused extends Error {
  override readonly name = 'MailRefused'
}

const timeoutMs = 15_000

/** Connects with the first mail, and again whenever the connection is lost. */
export function createMailer({ SMTP_URL, MAIL_FROM }: { SMTP_URL?: string | undefined; MAIL_FROM: string }): Mailer {
  if (SMTP_URL === undefined) return { send: async (mail) => print(mail), close: () => {} }
  const transport = createTransport({
    url: SMTP_URL,
    pool: true,
    maxConnections: 2,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  })
  return {
    async send({ to, subject, text }) {
      // An address object, so that nothing in it is read as a further recipient.
      await transport
        .sendMail({ from: MAIL_FROM, to: { name: '', address: to }, subject, text })
        .catch((error: Error & { responseCode?: number; code?: string }) => {
          // A login that the server refuses is for the operator to set right; until then mails wait.
          const refused = (error.responseCode ?? 0) >= 500 && error.code !== 'EAUTH'
          throw refused ? new MailRefused(error.message, { cause: error }) : error
        })
    },
    close: () => transport.close(),
  }
}

/** For a laptop, where the links in mails are to be clicked on the console. */
function print({ to, subject, text }: Mail): void {
  console.log(`\nMail to ${to} (printed here because SMTP_URL is not set): ${subject}\n\n${text}\n`)
}
