export { createMailer, type Mail, type Mailer, MailRefused, mailSettings } from './mailer.ts'
