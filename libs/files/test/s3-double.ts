import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface Answer {
  status: number
  headers?: Record<string, string | number>
  body?: Buffer | string
}

/** One bucket in memory: objects of S3's REST API (2006-03-01), path style. Each request's signature and content hash are checked. */
export async function startS3Double({
  bucket,
  accessKeyId,
  secretAccessKey,
}: Record<'bucket' | 'accessKeyId' | 'secretAccessKey', string>) {
  const objects = new Map<string, { body: Buffer; contentType: string }>()

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { method = '', url = '', headers } = request as IncomingMessage & { headers: Record<string, string> }
    const body = await buffer(request)
    const { pathname, searchParams } = new URL(url, 'http://s3')
    const [, name, ...segments] = pathname.split('/')
    const key = segments.map(decodeURIComponent).join('/')
    const credential = searchParams.get('X-Amz-Credential') ?? headers.authorization ?? ''
    if (!credential.includes(`${accessKeyId}/`)) return failure(403, 'InvalidAccessKeyId')
    if (!isSigned(method, url, headers, secretAccessKey)) return failure(403, 'SignatureDoesNotMatch')
    if (name !== bucket) return failure(404, 'NoSuchBucket')
    if (method === 'PUT') {
      if (headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex'))
        return failure(400, 'XAmzContentSHA256Mismatch')
      objects.set(key, { body, contentType: headers['content-type'] ?? 'binary/octet-stream' })
      return { status: 200 }
    }
    if (method === 'DELETE') {
      objects.delete(key)
      return { status: 204 }
    }
    const object = objects.get(key)
    if (!object) return failure(404, 'NoSuchKey')
    const disposition = searchParams.get('response-content-disposition')
    return ranged(object.body, headers.range, {
      'content-type': object.contentType,
      ...(disposition && { 'content-disposition': disposition }),
    })
  }

  const server = createServer(async (request, response) => {
    const { status, headers, body = '' } = await answer(request)
    response.writeHead(status, { ...(status !== 204 && { 'content-length': Buffer.byteLength(body) }), ...headers })
    response.end(request.method === 'HEAD' ? undefined : body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const failure = (status: number, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`,
})

/** RFC 9110 14.1.2: a range reaches to the end at most, and one that begins beyond it is refused. */
function ranged(body: Buffer, range: string | undefined, headers: Record<string, string>): Answer {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  if (first === undefined) return { status: 200, headers, body }
  const start = Number(first)
  const end = Math.min(last ? Number(last) : body.length, body.length - 1)
  if (start >= body.length) return failure(416, 'InvalidRange')
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${start}-${end}/${body.length}` },
    body: body.subarray(start, end + 1),
  }
}

/** Signature Version 4 computed anew from what arrived (AWS, "Create a signed AWS API request"). */
function isSigned(method: string, target: string, headers: Record<string, string>, secret: string): boolean {
  const [path = '', query = ''] = target.split('?')
  const given = new URLSearchParams(query)
  const field = (name: string) =>
    given.get(`X-Amz-${name}`) ?? new RegExp(`${name}=([^, ]+)`).exec(headers.authorization ?? '')?.[1] ?? ''
  const [date = '', region = '', service = ''] = field('Credential').split('/').slice(1)
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const names = field('SignedHeaders').split(';')
  const strict = (text: string) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const signature = field('Signature')
  given.delete('X-Amz-Signature')
  const canonicalQuery = [...given]
    .map((pair) => pair.map(strict).join('='))
    .sort()
    .join('&')
  const canonical = [
    method,
    path,
    canonicalQuery,
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
  ].join('\n')
  const scope = `${date}/${region}/${service}/aws4_request`
  const time = given.get('X-Amz-Date') ?? headers['x-amz-date']
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`)
  return hmac(key, toSign).toString('hex') === signature
}
