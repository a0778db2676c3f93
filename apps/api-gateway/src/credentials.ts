import type { IncomingMessage } from 'node:http'
import type { Credentials } from './authenticate.ts'

/** Where VoIPBIN's clients put their credentials: cookie, query or `Authorization: Bearer`, in this order. */
export function credentialsOf(request: { url: string; header: (name: string) => string | undefined }): Credentials {
  const cookies = cookiesOf(request.header('cookie'))
  const queryStart = request.url.indexOf('?')
  const query = queryStart === -1 ? undefined : new URLSearchParams(request.url.slice(queryStart))
  const token = cookies.token || query?.get('token') || bearer(request.header('authorization'))
  return { token, accesskey: cookies.accesskey || query?.get('accesskey') || undefined }
}

/** The same for a WebSocket's upgrade request. */
export const upgradeCredentials = (request: IncomingMessage): Credentials =>
  credentialsOf({
    url: request.url ?? '',
    header: (name) => {
      const value = request.headers[name]
      return Array.isArray(value) ? value[0] : value
    },
  })

const bearer = (header: string | undefined): string | undefined => /^Bearer (\S+)$/i.exec(header ?? '')?.[1]

function cookiesOf(header: string | undefined): Record<string, string> {
  if (!header) return {}
  return Object.fromEntries(
    header.split(';').flatMap((pair) => {
      const at = pair.indexOf('=')
      return at === -1 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]]
    }),
  )
}
