import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import type { Files } from './files.ts'
import { spool } from './spool.ts'

const dayMs = 86_400_000

/** Files in a folder: the content under its key, the content type beside it under `.types`, what is being written under `.new`. */
export function folderFiles(folder: string): Files {
  const root = resolve(folder)
  const pathOf = (key: string) => join(root, key)
  const typePathOf = (key: string) => join(root, '.types', key)
  const temporary = () => join(root, '.new', randomUUID())
  let ready: Promise<void> | undefined

  const prepare = async () => {
    await mkdir(join(root, '.new'), { recursive: true })
    // What a killed process left half written.
    for (const name of await readdir(join(root, '.new'))) {
      const path = join(root, '.new', name)
      const found = await stat(path).catch(missing)
      if (found && found.mtimeMs < Date.now() - dayMs) await rm(path, { force: true })
    }
  }

  const place = async (from: string, to: string) => {
    await mkdir(dirname(to), { recursive: true })
    await rename(from, to)
    // The name is as durable as its directory.
    const directory = await open(dirname(to))
    await directory.sync().finally(() => directory.close())
  }

  const typeOf = async (key: string) =>
    (await readFile(typePathOf(key), 'utf8').catch(missing)) ?? 'application/octet-stream'

  return {
    async put(key, body, { contentType }) {
      ready ??= prepare().catch((error) => {
        ready = undefined
        throw error
      })
      await ready
      const [content, type] = [temporary(), temporary()]
      try {
        const written = await spool(content, body)
        await spool(type, Buffer.from(contentType))
        await place(type, typePathOf(key))
        await place(content, pathOf(key))
        return written
      } catch (error) {
        await Promise.all([content, type].map((path) => rm(path, { force: true })))
        throw error
      }
    },
    async get(key, { range } = {}) {
      const file = await open(pathOf(key)).catch(missing)
      if (!file) return undefined
      const found = await file.stat()
      if (!found.isFile()) return void (await file.close())
      const { start = 0, end = found.size } = range ?? {}
      const about = { size: found.size, contentType: await typeOf(key) }
      if (start > end || start >= found.size) {
        await file.close()
        return { ...about, body: new Blob([]).stream() }
      }
      return { ...about, body: Readable.toWeb(file.createReadStream({ start, end })) as ReadableStream<Uint8Array> }
    },
    async stat(key) {
      const found = await stat(pathOf(key)).catch(missing)
      return found?.isFile() ? { size: found.size, contentType: await typeOf(key) } : undefined
    },
    async delete(key) {
      if (!(await this.stat(key))) return
      await rm(pathOf(key), { force: true })
      await rm(typePathOf(key), { force: true })
    },
    signedUrl: async () => undefined,
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  // ENOTDIR: the key goes on below a name that is a file.
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
}
