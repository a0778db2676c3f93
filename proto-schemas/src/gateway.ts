import { defineContract, operation } from '@sidetone/contract'
import { z } from 'zod'

/** What the gateway answers itself. */
export const gatewayContract = defineContract({
  name: 'gateway',
  errors: {},
  resources: {
    session: {
      operations: {
        login: operation({
          http: 'POST /auth/login',
          summary: 'Log in; the token goes into `Authorization: Bearer` (or `?token=`) of every request',
          allow: 'public',
          idempotent: true,
          input: z.object({ username: z.string().min(1).max(255), password: z.string().min(1).max(256) }),
          output: z.object({ username: z.string(), token: z.string() }),
        }),
      },
      events: {},
    },
  },
})
