import { fileURLToPath } from 'node:url'
import { folderFiles } from './folder.ts'
import { s3Files } from './s3.ts'

/** What is known of a stored file. */
export interface StoredFile {
  /** Bytes of the whole file, also where only a range of it is read. */
  size: number
  contentType: string
}

/** Stored files by their key, `recordings/<id>.wav`. A wrong key throws FileKeyRefused before anything is touched. */
export interface Files {
  /** Stores all or nothing; what was there before stays until then. */
  put(
    key: string,
    body: Uint8Array | ReadableStream<Uint8Array>,
    options: { contentType: string },
  ): Promise<{ size: number; sha256: string }>
  /** `range` is as in HTTP: both ends count, and it may reach beyond the file. */
  get(
    key: string,
    options?: { range?: { start: number; end?: number | undefined } | undefined },
  ): Promise<(StoredFile & { body: ReadableStream<Uint8Array> }) | undefined>
  stat(key: string): Promise<StoredFile | undefined>
  /** Succeeds also when there is no such file. */
  delete(key: string): Promise<void>
  /** An address that lets anyone read the file for a while; undefined where the store has no addresses (a folder). */
  signedUrl(
    key: string,
    options: { expiresSeconds: number; filename?: string | undefined },
  ): Promise<string | undefined>
}

/** The credentials of a bucket; a folder needs none. */
export interface FilesOptions {
  accessKeyId?: string | undefined
  secretAccessKey?: string | undefined
}

/** A key that cannot name a file. */
export class FileKeyRefused extends Error {
  override name = 'FileKeyRefused'
}

/** Opens a folder (`file:///dir` or its path) or a bucket (`s3://bucket?endpoint=…&region=…`). */
export function openFiles(url: string, options: FilesOptions = {}): Files {
  const store = open(url, options)
  return {
    put: async (key, body, about) => store.put(checked(key), body, about),
    get: async (key, about) => store.get(checked(key), about),
    stat: async (key) => store.stat(checked(key)),
    delete: async (key) => store.delete(checked(key)),
    signedUrl: async (key, about) => store.signedUrl(checked(key), about),
  }
}

function open(url: string, options: FilesOptions): Files {
  if (url.startsWith('s3://')) return s3Files(new URL(url), options)
  if (url.startsWith('file://')) return folderFiles(fileURLToPath(url))
  if (url === '' || /^[a-z][a-z0-9+.-]+:\/\//i.test(url)) {
    throw new TypeError(`STORAGE_URL must be a folder, file:///folder or s3://bucket, not '${url}'`)
  }
  return folderFiles(url)
}

// Names that begin with a dot are kept for the folder's own use; ., .. and empty ones would be other paths to another file.
const segment = /^[^./\\\p{Cc}\p{Cs}][^/\\\p{Cc}\p{Cs}]*$/u

function checked(key: string): string {
  const segments = key.split('/')
  const fits = Buffer.byteLength(key) <= 900 && segments.every((part) => Buffer.byteLength(part) <= 200)
  if (fits && segments.every((part) => segment.test(part))) return key
  throw new FileKeyRefused(
    `the file key ${JSON.stringify(key.slice(0, 100))} must be names joined by /, none of which begins with a dot, is longer than 200 bytes or holds control characters or \\`,
  )
}
