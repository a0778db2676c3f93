import type { Outbound } from '@sidetone/outbound'
import type { NumberSettings } from '../settings.ts'
import type { NumberProvider } from './provider.ts'
import { createTelnyx } from './telnyx.ts'
import { createTwilio } from './twilio.ts'

/** All whose keys are known: numbers are given back where they were bought, although others are bought elsewhere now. */
export type Providers = Partial<Record<NumberProvider['name'], NumberProvider>>

export function createProviders(settings: NumberSettings, outbound: Outbound): Providers {
  const { TELNYX_API_KEY, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN } = settings
  return {
    ...(TELNYX_API_KEY && {
      telnyx: createTelnyx({
        outbound,
        url: settings.TELNYX_URL,
        apiKey: TELNYX_API_KEY,
        connectionId: settings.TELNYX_CONNECTION_ID,
      }),
    }),
    ...(TWILIO_ACCOUNT_SID &&
      TWILIO_AUTH_TOKEN && {
        twilio: createTwilio({
          outbound,
          url: settings.TWILIO_URL,
          accountSid: TWILIO_ACCOUNT_SID,
          authToken: TWILIO_AUTH_TOKEN,
          trunkSid: settings.TWILIO_TRUNK_SID,
        }),
      }),
  }
}
