import { createHmac, timingSafeEqual } from 'node:crypto'

/** Signs addresses under which the gateway serves a stored file for a while. */
export interface FileSigner {
  url: (key: string, options: { expiresSeconds: number; filename?: string | undefined }) => string
  /** What the address grants; `undefined` when it is forged or has expired. */
  verify: (url: URL) => { key: string; filename: string | undefined } | undefined
}

const prefix = '/files/'

/** `baseUrl` is where the gateway is reached by whoever gets the address. */
export function createFileSigner({ baseUrl, secret }: { baseUrl: string; secret: string }): FileSigner {
  const signatureOf = (key: string, expires: string, filename: string): Buffer =>
    createHmac('sha256', secret)
      .update(JSON.stringify([key, expires, filename]))
      .digest()

  return {
    url(key, { expiresSeconds, filename = '' }) {
      const expires = String(Math.floor(Date.now() / 1000) + expiresSeconds)
      const query = new URLSearchParams({ expires, ...(filename && { filename }) })
      query.set('signature', signatureOf(key, expires, filename).toString('base64url'))
      return `${baseUrl}${prefix}${key.split('/').map(encodeURIComponent).join('/')}?${query}`
    },
    verify({ pathname, searchParams }) {
      const expires = searchParams.get('expires') ?? ''
      const filename = searchParams.get('filename') ?? ''
      const given = Buffer.from(searchParams.get('signature') ?? '', 'base64url')
      const key = decodeKey(pathname.slice(prefix.length))
      if (key === undefined || !(Number(expires) > Date.now() / 1000)) return undefined
      const right = signatureOf(key, expires, filename)
      if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
      return { key, filename: filename || undefined }
    },
  }
}

function decodeKey(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
