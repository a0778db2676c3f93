import { hepKey } from '@sidetone/hep-collector'
import { z } from 'zod'

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback)

/** Where phones reach an embedded platform. */
export const rtcSettings = z.object({
  /** SIP over UDP and TCP. */
  SIP_PORT: port(5060),
  /** SIP over TLS, usually 5061; absent: off. */
  SIP_TLS_PORT: port(0).removeDefault().optional(),
  /** Files in PEM: the certificate with its chain, its key, and authorities that are believed beside the usual ones. */
  SIP_TLS_CERT: z.string().optional(),
  SIP_TLS_KEY: z.string().optional(),
  SIP_TLS_CA: z.string().optional(),
  /** SIP over WebSocket, for browsers. */
  SIP_WS_PORT: port(5066),
  /** Web sites whose pages may connect to it, as `https://app.example.com,https://…`; absent: all, since each has to log in. */
  SIP_WS_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .pipe(z.array(z.url('must be origins, like https://app.example.com,https://admin.example.com')))
    .transform((origins) => origins.map((origin) => new URL(origin).origin))
    .optional(),
  RTP_PORT_MIN: port(10_000),
  RTP_PORT_MAX: port(10_999),
  /** The address that is told to phones; absent: found out, and loopback peers get loopback. */
  ADVERTISED_IP: z.ipv4('must be an IPv4 address, like 203.0.113.7').optional(),
  SIP_REALM: z.string().default('sidetone'),
  /** What phones and trunks may prove themselves by, the first to try first; some old phones look at the first alone. */
  SIP_DIGEST_ALGORITHMS: z
    .string()
    .default('SHA-256,MD5')
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(['SHA-256', 'MD5'], 'must be SHA-256,MD5 or MD5,SHA-256 or one of them'))),
  /** What the SIP domains of customers end with: `<customer id>.registrar.<base>`, `<trunk>.trunk.<base>`. */
  SIP_BASE_DOMAIN: z.string().min(1).default('sidetone.localhost'),
  /** Where others than the embedded softswitch send SIP messages that are to be kept (HEP 3 over UDP); 0: nobody does. */
  HEP_PORT: port(0),
  HEP_KEY: hepKey,
  /** An Asterisk to use instead of the embedded softswitch, e.g. `http://user:password@127.0.0.1:8088`. */
  ARI_URL: z.string().optional(),
})
