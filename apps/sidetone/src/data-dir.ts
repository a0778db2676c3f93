import { randomBytes, randomUUID } from 'node:crypto'
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SettingsError } from '@sidetone/manager'

/** What an embedded platform made up at its first start and must find again. */
interface EmbeddedKeys {
  platform_secret: string
  encryption_keys: string
  customer_id: string
  accesskey: string
}

/** The folder in which an embedded platform keeps everything; held by one process at a time. */
export interface DataDir {
  path: string
  keys: EmbeddedKeys
  /** Keeps what changed in `keys`. */
  save: () => void
  release: () => void
}

/** Makes or finds the folder and takes hold of it. */
export function openDataDir(setting: string): DataDir {
  const path = resolve(setting)
  const release = makeAndHold(path)
  const file = join(path, 'keys.json')
  const keys = readKeys(file, release)
  const save = (): void => {
    const temporary = `${file}.new`
    writeFileSync(temporary, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
    chmodSync(temporary, 0o600)
    renameSync(temporary, file)
  }
  save()
  return { path, keys, save, release }
}

function readKeys(file: string, release: () => void): EmbeddedKeys {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as EmbeddedKeys
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      release()
      throw new SettingsError(`${file} cannot be read: ${(error as Error).message}`)
    }
    return {
      platform_secret: randomBytes(32).toString('base64url'),
      encryption_keys: `first:${randomBytes(32).toString('base64')}`,
      customer_id: randomUUID(),
      accesskey: '',
    }
  }
}

function makeAndHold(path: string): () => void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    accessSync(path, constants.W_OK)
    return takeHold(path)
  } catch (error) {
    if (error instanceof SettingsError) throw error
    throw new SettingsError(
      `SIDETONE_DATA_DIR: the folder ${path} cannot be written (${(error as Error).message}). Set it to one that can.`,
    )
  }
}

/** The lock is SQLite's, so it ends with its process however that dies; the file beside it says whose it is. */
function takeHold(path: string): () => void {
  const holder = join(path, 'lock')
  const lock = new DatabaseSync(join(path, 'lock.db'))
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error
    throw new SettingsError(
      `The data folder ${path} is in use by process ${readFileSync(holder, 'utf8')}. Stop that one, or set SIDETONE_DATA_DIR to another folder.`,
    )
  }
  writeFileSync(holder, String(process.pid), { mode: 0o600 })
  return () => {
    rmSync(holder, { force: true })
    lock.close()
  }
}

// https://www.sqlite.org/rescode.html
const sqliteBusy = 5
