import { z } from 'zod'

/** Where a call, message or agent is reached. Everything but `type` and `target` only describes. */
export const Address = z
  .object({
    type: z.enum(['', 'agent', 'conference', 'email', 'extension', 'line', 'sip', 'tel', 'web_session']),
    /** E.164 for `tel`, `user@host` for `sip`, an id for the platform's own resources. */
    target: z.string().max(255),
    target_name: z.string().max(255).default(''),
    name: z.string().max(255).default(''),
    detail: z.string().max(4096).default(''),
  })
  .strict()
  .superRefine((address, context) => {
    if (address.type === 'tel' && !/^\+[0-9]{7,15}$/.test(address.target)) {
      context.addIssue({ code: 'custom', path: ['target'], message: 'must be E.164, like +15550100000' })
    }
    if (address.type === 'sip' && !/^[^@\s]+@[^@\s]+$/.test(address.target)) {
      context.addIssue({ code: 'custom', path: ['target'], message: 'must be user@host' })
    }
  })
  .meta({ id: 'Address' })
export type Address = z.infer<typeof Address>

export const emptyAddress: Address = { type: '', target: '', target_name: '', name: '', detail: '' }

/** A mailbox; a host without a dot (`admin@localhost`) is one too. */
export const Email = z
  .string()
  .max(255)
  .regex(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address')

/** What a link in a mail proves: 32 random bytes in hex. */
export const MailedToken = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')

/** Who owns a resource: an agent, or nobody. */
export const ownerFields = { owner_type: z.enum(['', 'agent']), owner_id: z.uuid() }

export const WebhookMethod = z.enum(['', 'POST', 'GET', 'PUT', 'DELETE'])

/** An absolute http or https URL, or nothing. */
export const OptionalHttpUrl = z
  .string()
  .max(2048)
  .refine((text) => text === '' || /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'must be an http or https URL')
