import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

const port = z.int().min(0).max(65_535)
const cidrs = z.array(z.union([z.cidrv4(), z.cidrv6()]))

/** Settings of the switch; the names in errors are those an operator sets. */
export const softswitchConfig = z
  .object({
    /** UDP and TCP; 0 takes a free port. */
    sipPort: port.default(5060),
    /** SIP over TLS: files in PEM, and the port; absent: off. */
    sipTls: z.object({ port, cert: z.string(), key: z.string(), ca: z.string().optional() }).optional(),
    /** SIP over WebSocket, and with it WebRTC; absent: neither. */
    sipWsPort: port.optional(),
    /** Web sites whose pages may connect by WebSocket, as `https://app.example.com`; absent: all. */
    wsOrigins: z.array(z.string()).optional(),
    /** Asked for SRV and NAPTR records, as `host:port`; absent: those of the system. */
    nameServers: z.array(z.string()).optional(),
    bindAddress: z.union([z.ipv4(), z.ipv6()]).default('0.0.0.0'),
    /** The address other machines reach us at; default: the first one found. Peers on loopback get loopback. */
    advertisedIp: z.union([z.ipv4(), z.ipv6()]).optional(),
    /** Both 0: any free ports. */
    rtpPortMin: port.default(10_000),
    rtpPortMax: port.default(10_999),
    realm: z.string().min(1).default('sidetone'),
    /** What phones and trunks prove themselves by; those that look at the first alone may need MD5 there. */
    digestAlgorithms: z
      .array(z.enum(['SHA-256', 'MD5']))
      .min(1)
      .default(['SHA-256', 'MD5']),
    minExpiresSeconds: z.int().positive().default(60),
    /** How often a phone behind NAT gets a few bytes, so that its way back stays open. */
    natPingSeconds: z.number().positive().default(25),
    /** On 127.0.0.1; 0 takes a free port. */
    ariPort: port.default(0),
    ariUser: z.string().min(1).default('sidetone'),
    ariPassword: z
      .string()
      .min(1)
      .default(() => randomBytes(18).toString('base64url')),
    /** The ARI application that inbound calls go to. */
    ariApp: z.string().min(1).default('sidetone'),
    asteriskId: z.string().min(1).default('softswitch'),
    /** Whence calls are taken without credentials, as from a carrier. */
    trustedCidrs: cidrs.default(['127.0.0.0/8', '::1/128']),
    /** Host names that are ours, besides `localhost`, our addresses and `<customer id>.registrar.<base>`. */
    localDomains: z.array(z.string().toLowerCase()).default([]),
    registrarBaseDomain: z.string().min(1).toLowerCase().default('sidetone.localhost'),
    maxCalls: z.int().positive().default(1000),
    /** How much of its thread's time the switch may work before it takes no more calls. */
    maxUtilization: z.number().positive().max(1).default(0.75),
    /** Where the platform serves its own audio; URLs that begin elsewhere are a customer's, and guarded. */
    platformUrls: z.array(z.url()).default([]),
    /** Networks that a customer's media URLs may point into although they are not public. */
    mediaAllow: cidrs.default(['127.0.0.0/8', '::1/128']),
    /** Where a copy of each SIP message is sent (HEP 3 over UDP). */
    hepCollector: z.object({ address: z.union([z.ipv4(), z.ipv6()]), port, key: z.string().optional() }).optional(),
    recordingDir: z.string().default(() => join(tmpdir(), 'sidetone-recordings')),
    /** Base timers of RFC 3261 §17; tests make them short. */
    sipT1Ms: z.int().positive().default(500),
  })
  .strict()

export type SoftswitchConfig = z.output<typeof softswitchConfig>
export type SoftswitchSettings = z.input<typeof softswitchConfig>
