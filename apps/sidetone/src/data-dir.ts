import { randomBytes, randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
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
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const release = takeHold(path)
  const file = join(path, 'keys.json')
  const keys = readKeys(file)
  const save = (): void => {
    const temporary = `${file}.new`
    writeFileSync(temporary, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
    chmodSync(temporary, 0o600)
    renameSync(temporary, file)
  }
  save()
  return { path, keys, save, release }
}

function readKeys(file: string): EmbeddedKeys {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as EmbeddedKeys
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new SettingsError(`${file} cannot be read: ${(error as Error).message}`)
    return {
      platform_secret: randomBytes(32).toString('base64url'),
      encryption_keys: `first:${randomBytes(32).toString('base64')}`,
      customer_id: randomUUID(),
      accesskey: '',
    }
  }
}

/** A lock file with the holder's process id; one that a dead process left behind is taken over. */
function takeHold(path: string): () => void {
  const file = join(path, 'lock')
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const handle = openSync(file, 'wx', 0o600)
      writeSync(handle, String(process.pid))
      closeSync(handle)
      return () => rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const holder = Number(readFileSync(file, 'utf8'))
      if (holder && isAlive(holder)) {
        throw new SettingsError(
          `The data folder ${path} is in use by process ${holder}. Stop that one, or set SIDETONE_DATA_DIR to another folder.`,
        )
      }
      rmSync(file, { force: true })
    }
  }
  throw new SettingsError(`The data folder ${path} is being taken by another process; try again.`)
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
