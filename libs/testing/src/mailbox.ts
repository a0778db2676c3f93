import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'

interface ReceivedMail {
  /** In lower case. */
  to: string[]
  subject: string
  text: string
}

/** A mail server that keeps what it is sent. */
export interface Mailbox {
  /** For SMTP_URL. */
  url: string
  mails: ReceivedMail[]
  /** The next mail to this address that has not been asked for yet. */
  next: (to: string) => Promise<ReceivedMail>
  close: () => Promise<void>
}

const patienceMs = 5_000

/** Starts a mail server on a free port. It refuses for good (550) what goes to `refused@…`, and for now (451) the first mail to `later@…`. */
export async function startMailbox(): Promise<Mailbox> {
  const mails: ReceivedMail[] = []
  const taken = new Set<ReceivedMail>()
  let delayed = false
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo({ address }, _session, done) {
      if (address.startsWith('refused@')) return done(reply(550, 'no such mailbox'))
      if (address.startsWith('later@') && !delayed) {
        delayed = true
        return done(reply(451, 'try again later'))
      }
      done()
    },
    onData(stream, session, done) {
      text(stream).then((raw) => {
        mails.push({ to: session.envelope.rcptTo.map(({ address }) => address.toLowerCase()), ...read(raw) })
        done()
      }, done)
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails,
    async next(to) {
      for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(10)) {
        const mail = mails.find((one) => one.to.includes(to.toLowerCase()) && !taken.has(one))
        if (!mail) continue
        taken.add(mail)
        return mail
      }
      throw new Error(`no mail to ${to} came within ${patienceMs} ms`)
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

const reply = (responseCode: number, message: string): Error => Object.assign(new Error(message), { responseCode })

/** Subject and text of a mail of one part, whose text may be quoted-printable (RFC 2045 6.7). */
function read(raw: string): { subject: string; text: string } {
  const end = raw.indexOf('\r\n\r\n')
  const [head, body] = [raw.slice(0, end), raw.slice(end + 4)]
  const quoted = /^content-transfer-encoding: quoted-printable/im.test(head)
  return {
    subject: /^subject: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
    text: quoted
      ? body
          .replaceAll('=\r\n', '')
          .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      : body,
  }
}
