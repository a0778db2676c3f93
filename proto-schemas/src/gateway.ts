import { defineContract, Id, operation, operators, Time } from '@sidetone/contract'
import { z } from 'zod'
import { SignupFields } from './customer.ts'

/** What the gateway answers itself: it signs tokens, and knows from where somebody agrees to the terms. */
export const gatewayContract = defineContract({
  name: 'gateway',
  errors: {
    DIRECT_HASH_UNKNOWN: {
      status: 'INVALID_ARGUMENT',
      message: 'direct_hash: leads to nothing that can be used with a token.',
    },
    CUSTOMER_UNKNOWN: { status: 'NOT_FOUND', message: 'customer_id: there is no such customer.' },
    INVALID_WEBHOOK_URI: { status: 'INVALID_ARGUMENT', message: 'webhook_uri: must be a public http or https URL.' },
    NO_SESSION: { status: 'FAILED_PRECONDITION', message: 'An access key is not logged in; delete it to revoke it.' },
  },
  resources: {
    session: {
      operations: {
        signup: operation({
          http: 'POST /auth/signup',
          summary: 'Ask for an account; the link that is mailed makes it. The answer is the same for every address',
          allow: 'public',
          idempotent: true,
          input: SignupFields.extend({ accepted_tos: z.literal(true) }),
          output: z.object({}),
          errors: ['INVALID_WEBHOOK_URI'],
        }),
        login: operation({
          http: 'POST /auth/login',
          summary:
            'Log in; the token goes into `Authorization: Bearer` (or `?token=`) of every request, browsers keep it as a cookie',
          allow: 'public',
          idempotent: true,
          input: z.object({ username: z.string().min(1).max(255), password: z.string().min(1).max(256) }),
          output: z.object({ username: z.string(), token: z.string() }),
          cookie: true,
        }),
        logout: operation({
          http: 'POST /auth/logout',
          summary: 'Log out: the token of this request stops working',
          allow: ['customer_admin', 'customer_manager', 'customer_agent'],
          idempotent: true,
          input: z.object({}),
          output: z.object({}),
          errors: ['NO_SESSION'],
          cookie: true,
        }),
        boot: operation({
          http: 'POST /auth/boot',
          summary: 'Get a token for the resource behind a direct hash, without logging in',
          allow: 'public',
          idempotent: true,
          input: z.object({ direct_hash: z.string().min(1).max(64) }),
          output: z.object({
            token: z.string(),
            type: z.literal('direct'),
            resource_type: z.string(),
            resource_id: Id,
            customer_id: Id,
            expire: Time,
          }),
          errors: ['DIRECT_HASH_UNKNOWN'],
        }),
        delegate: operation({
          http: 'POST /auth/delegate',
          summary: 'As an operator of the platform, get a token that acts as an admin of a customer',
          allow: operators,
          input: z.object({
            customer_id: Id,
            /** Kept with the session: why a customer's account was entered. */
            reason: z.string().regex(/^[\x20-\x7e]{10,200}$/, 'must be 10 to 200 printable ASCII characters'),
          }),
          output: z.object({ token: z.string(), customer_id: Id, expire: Time }),
          errors: ['CUSTOMER_UNKNOWN'],
        }),
      },
      events: {},
    },
  },
})
