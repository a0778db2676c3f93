import { commonError } from '@sidetone/contract'
import type { FileSigner, Files } from '@sidetone/files'
import type { Hono } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

export interface FileRouteOptions {
  files: Files
  fileSigner: FileSigner
}

/** Serves stored files to whoever holds a signed address, for file stores that cannot sign addresses themselves. */
export function addFileRoute(app: Hono<GatewayEnv>, { files, fileSigner }: FileRouteOptions): void {
  app.get('/files/*', async (c) => {
    const url = new URL(c.req.url)
    const granted = fileSigner.verify(url)
    if (!granted) {
      throw commonError('PERMISSION_DENIED', {
        message: 'This address is not signed, or has expired; ask for a new one.',
      })
    }
    const range = rangeOf(c.req.header('range'))
    const found = await files.get(granted.key, range ? { range } : {})
    if (!found) throw commonError('ROUTE_NOT_FOUND', { message: 'The file is gone.' })
    const headers: Record<string, string> = {
      ...c.env.headers,
      'Content-Type': found.contentType,
      'X-Content-Type-Options': 'nosniff',
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'private',
    }
    if (granted.filename) headers['Content-Disposition'] = `inline; filename*=UTF-8''${encodeName(granted.filename)}`
    if (c.req.method === 'HEAD') await found.body.cancel()
    if (!range) {
      headers['Content-Length'] = String(found.size)
      return c.body(found.body, 200, headers)
    }
    const end = Math.min(range.end ?? found.size - 1, found.size - 1)
    if (range.start > end) return c.body(null, 416, { ...c.env.headers, 'Content-Range': `bytes */${found.size}` })
    headers['Content-Range'] = `bytes ${range.start}-${end}/${found.size}`
    headers['Content-Length'] = String(end - range.start + 1)
    return c.body(found.body, 206, headers)
  })
}

/** One `bytes=start-end` range (RFC 9110 section 14.1.2); other forms are ignored, as the RFC allows. */
function rangeOf(header: string | undefined): { start: number; end: number | undefined } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '')
  if (!match) return undefined
  const [start, end] = [Number(match[1]), match[2] ? Number(match[2]) : undefined]
  return end !== undefined && end < start ? undefined : { start, end }
}

/** RFC 8187: any name fits, and none ends the header early. */
const encodeName = (name: string): string =>
  encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`,
  )
