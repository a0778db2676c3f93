import { defineContract, OptionalId, operation } from '@sidetone/contract'
import { z } from 'zod'

export const webhookContract = defineContract({
  name: 'webhook',
  errors: {
    INVALID_WEBHOOK_URI: { status: 'INVALID_ARGUMENT', message: 'uri: must be a public http or https URL.' },
    WEBHOOK_FAILED: { status: 'FAILED_PRECONDITION', message: 'The receiver did not accept the webhook.' },
  },
  resources: {
    webhook: {
      operations: {
        send: operation({
          http: 'POST /webhooks/send',
          summary:
            'Send one signed request to a URL of the customer; `sync` waits for the answer, else it is retried until it is delivered',
          input: z.object({
            uri: z.string(),
            method: z.enum(['POST', 'GET', 'PUT', 'DELETE']),
            data_type: z.string(),
            data: z.string(),
            sync: z.boolean().default(false),
            activeflow_id: OptionalId,
          }),
          output: z.object({}),
          errors: ['INVALID_WEBHOOK_URI', 'WEBHOOK_FAILED'],
          timeoutMs: 20_000,
        }),
      },
      events: {},
    },
  },
})
