import { z } from 'zod'

const url = z.url({ protocol: /^https?$/ })

const needs = {
  telnyx: ['TELNYX_API_KEY'],
  twilio: ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN'],
} as const

export const numberSettings = z
  .object({
    /** Where customers' numbers are bought. `none`: nowhere, operators register them; `open`: anybody may add any number. */
    NUMBER_PROVIDER: z.enum(['none', 'open', 'telnyx', 'twilio']).default('none'),
    /** `required`: only customers whose identity the operators have verified get other than virtual numbers. */
    IDENTITY_VERIFICATION: z.enum(['optional', 'required']).default('optional'),
    TELNYX_API_KEY: z.string().optional(),
    /** The connection at Telnyx that sends calls here; bought numbers are put on it. */
    TELNYX_CONNECTION_ID: z.string().optional(),
    TELNYX_URL: url.default('https://api.telnyx.com/v2'),
    TWILIO_ACCOUNT_SID: z.string().optional(),
    TWILIO_AUTH_TOKEN: z.string().optional(),
    /** The trunk at Twilio that sends calls here; bought numbers are put on it. */
    TWILIO_TRUNK_SID: z.string().optional(),
    TWILIO_URL: url.default('https://api.twilio.com'),
  })
  .superRefine((settings, { addIssue }) => {
    const { NUMBER_PROVIDER: provider } = settings
    if (provider === 'none' || provider === 'open') return
    for (const name of needs[provider]) {
      if (!settings[name])
        addIssue({ code: 'custom', path: [name], message: `is needed to buy numbers at ${provider}` })
    }
  })
export type NumberSettings = z.output<typeof numberSettings>
