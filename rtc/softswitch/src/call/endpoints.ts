import type { CodecName } from '../media/types.ts'
import type { Login } from '../sip/answer-challenge.ts'

/** A PJSIP object as ARI's push configuration knows it: attributes and their values. */
export type PjsipObject = ReadonlyMap<string, string>

/** The one way out that there always is, as in rtc/asterisk's configuration. */
export const OUTBOUND_ENDPOINT = 'call-out'

const CODEC_NAMES = new Map<string, CodecName>([
  ['ulaw', 'PCMU'],
  ['alaw', 'PCMA'],
  ['g722', 'G722'],
  ['opus', 'opus'],
])

/** A way out: with what calls through it are made. */
export interface Endpoint {
  name: string
  login?: Login | undefined
  /** What is offered, best first. */
  codecs?: CodecName[] | undefined
}

/** The endpoints there are: `call-out`, and those that were pushed with what they refer to. */
export function createEndpoints() {
  const objects = new Map<string, Map<string, PjsipObject>>([
    ['endpoint', new Map([[OUTBOUND_ENDPOINT, new Map()]])],
    ['auth', new Map()],
  ])

  const login = (name: string): Login | undefined => {
    const auth = objects.get('auth')!.get(name)
    return auth && { username: auth.get('username') ?? '', password: auth.get('password') ?? '' }
  }

  return {
    objects,
    /** What an `auth` object says. */
    login,
    find(name: string): Endpoint | undefined {
      const endpoint = objects.get('endpoint')!.get(name)
      if (!endpoint) return undefined
      const allow = endpoint.get('allow')
      const outboundAuth = endpoint.get('outbound_auth') ?? ''
      return { name, login: login(outboundAuth), codecs: allow === undefined ? undefined : codecsOf(allow) }
    },
  }
}

export type Endpoints = ReturnType<typeof createEndpoints>

/** `!all,alaw,ulaw` as codecs that we have. */
export const codecsOf = (allow: string): CodecName[] =>
  allow.split(',').flatMap((name) => CODEC_NAMES.get(name.trim().toLowerCase()) ?? [])
