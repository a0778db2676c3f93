import { type Mailbox, startMailbox } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMailer, type Mailer, MailRefused } from '../src/index.ts'

let mailbox: Mailbox
let mailer: Mailer
beforeAll(async () => {
  mailbox = await startMailbox()
  mailer = createMailer({ SMTP_URL: mailbox.url, MAIL_FROM: 'Sidetone <no-reply@example.com>' })
})
afterAll(async () => {
  mailer.close()
  await mailbox.close()
})

const link = `https://sidetone.example/auth/password-reset?token=${'0123456789abcdef'.repeat(4)}`

test('a mail arrives as it was written, long links included', async () => {
  await mailer.send({ to: 'somebody@example.com', subject: 'Hello', text: `Click:\n\n${link}\n` })
  const { to, subject, text } = await mailbox.next('somebody@example.com')
  expect([to, subject]).toEqual([['somebody@example.com'], 'Hello'])
  expect(text).toContain(link)
})

test('an address cannot bring further recipients, nor a subject further headers', async () => {
  const to = 'one@example.com, two@example.com'
  await mailer.send({ to, subject: 'Hi\r\nBcc: three@example.com', text: '' }).catch(() => {})
  const reached = mailbox.mails.flatMap((mail) => mail.to)
  expect(reached).not.toContain('two@example.com')
  expect(reached).not.toContain('three@example.com')
})

test('what the server refuses for good is told from what it may take later', async () => {
  const mail = { subject: 'x', text: 'x' }
  await expect(mailer.send({ ...mail, to: 'refused@example.com' })).rejects.toBeInstanceOf(MailRefused)
  await expect(mailer.send({ ...mail, to: 'later@example.com' })).rejects.not.toBeInstanceOf(MailRefused)
  await mailer.send({ ...mail, to: 'later@example.com' })
  expect((await mailbox.next('later@example.com')).to).toEqual(['later@example.com'])
})

test('without a server it is printed, so that its links can be clicked', async () => {
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  await createMailer({ MAIL_FROM: 'x' }).send({ to: 'me@localhost', subject: 'Hello', text: link })
  expect(printed.mock.calls.join()).toContain(link)
  printed.mockRestore()
})
