import { createHash, randomUUID } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsClient } from 'aws4fetch'
import type { Files, FilesOptions, StoredFile } from './files.ts'
import { spool } from './spool.ts'

const longestSeconds = 7 * 86_400

/** Files in a bucket of anything that speaks S3: AWS, MinIO, R2, Google Cloud Storage through its XML interface. */
export function s3Files(url: URL, { accessKeyId, secretAccessKey }: FilesOptions): Files {
  if (!accessKeyId || !secretAccessKey) {
    throw new TypeError(`STORAGE_URL '${url.href}' needs STORAGE_ACCESS_KEY_ID and STORAGE_SECRET_ACCESS_KEY`)
  }
  const [bucket, region] = [url.hostname, url.searchParams.get('region') ?? 'us-east-1']
  if (!bucket || url.pathname.length > 1) throw new TypeError(`STORAGE_URL must be s3://bucket, not '${url.href}'`)
  const endpoint = url.searchParams.get('endpoint')
  const base = endpoint ? `${endpoint.replace(/\/$/, '')}/${bucket}` : `https://${bucket}.s3.${region}.amazonaws.com`
  if (!URL.canParse(base)) throw new TypeError(`STORAGE_URL: the endpoint '${endpoint}' is no address`)
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 3 })

  const urlOf = (key: string) => `${base}/${key.split('/').map(encode).join('/')}`

  const send = async (method: string, key: string, init: Pick<RequestInit, 'headers' | 'body'> = {}) => {
    const response = await client.fetch(urlOf(key), { method, ...init }).catch((cause: Error) => {
      throw new Error(
        `${method} ${key} did not reach the bucket '${bucket}': ${(cause.cause as Error | undefined)?.message ?? cause.message}`,
        { cause },
      )
    })
    if (response.ok || response.status === 404 || response.status === 416) return response
    const [, reason = response.statusText] = /<Code>(.*?)<\/Code>/.exec(await response.text()) ?? []
    throw new Error(`${method} ${key} was refused by the bucket '${bucket}': ${response.status} ${reason}`)
  }

  const upload = async (key: string, body: Uint8Array | Blob, contentType: string, sha256: string) => {
    const headers = { 'content-type': contentType, 'x-amz-content-sha256': sha256 }
    const response = await send('PUT', key, { body: body as Uint8Array<ArrayBuffer> | Blob, headers })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`PUT ${key}: there is no bucket '${bucket}'`)
  }

  return {
    async put(key, body, { contentType }) {
      if (body instanceof Uint8Array) {
        const sha256 = createHash('sha256').update(body).digest('hex')
        await upload(key, body, contentType, sha256)
        return { size: body.length, sha256 }
      }
      // S3 wants the length and the hash before the content, and a retry wants the content again.
      const path = join(tmpdir(), `sidetone-${randomUUID()}`)
      try {
        const written = await spool(path, body)
        await upload(key, await openAsBlob(path), contentType, written.sha256)
        return written
      } finally {
        await rm(path, { force: true })
      }
    },
    async get(key, { range } = {}) {
      if (range && range.end !== undefined && range.end < range.start) {
        const about = await this.stat(key)
        return about && { ...about, body: new Blob([]).stream() }
      }
      const response = await send(
        'GET',
        key,
        range ? { headers: { range: `bytes=${range.start}-${range.end ?? ''}` } } : {},
      )
      if (response.ok) return { ...aboutOf(response), body: response.body ?? new Blob([]).stream() }
      await response.arrayBuffer()
      const about = response.status === 416 ? await this.stat(key) : undefined
      return about && { ...about, body: new Blob([]).stream() }
    },
    async stat(key) {
      const response = await send('HEAD', key)
      return response.ok ? aboutOf(response) : undefined
    },
    async delete(key) {
      const response = await send('DELETE', key)
      await response.arrayBuffer()
    },
    async signedUrl(key, { expiresSeconds, filename }) {
      if (!Number.isInteger(expiresSeconds) || expiresSeconds < 1 || expiresSeconds > longestSeconds) {
        throw new RangeError(`expiresSeconds must be an integer from 1 to ${longestSeconds}, not ${expiresSeconds}`)
      }
      const target = new URL(urlOf(key))
      target.searchParams.set('X-Amz-Expires', String(expiresSeconds))
      // RFC 6266 4.3: the extended form holds any name.
      if (filename)
        target.searchParams.set('response-content-disposition', `inline; filename*=UTF-8''${encode(filename)}`)
      return (await client.sign(target, { aws: { signQuery: true } })).url
    },
  }
}

/** As signatures and RFC 8187 want it: nothing is left bare but RFC 3986's unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function aboutOf({ headers }: Response): StoredFile {
  const whole = headers.get('content-range')?.split('/')[1] ?? headers.get('content-length')
  return { size: Number(whole), contentType: headers.get('content-type') ?? 'application/octet-stream' }
}
