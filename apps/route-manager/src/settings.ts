import { z } from 'zod'

export const routeSettings = z.object({
  /** The public name of the SIP edge: where carriers that are set up send calls. */
  SIP_DOMAIN: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be a host name, like sip.example.com')
    .optional(),
  TELNYX_URL: z.url({ protocol: /^https?$/ }).default('https://api.telnyx.com/v2'),
})
export type RouteSettings = z.output<typeof routeSettings>
