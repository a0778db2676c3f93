// Runs before `npm start` and `npm test`, under whatever Node the machine has: installs what is missing, once.
// Plain JavaScript without dependencies, because nothing is installed yet when it first runs.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stampFile = join(root, 'node_modules', '.sidetone-stamp')
const requiredMajor = 24

const hash = createHash('sha256')
for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, file)))
const stamp = hash.update(`${process.platform}-${process.arch}`).digest('hex')

const installed = !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp
if (installed) {
  console.log('sidetone: installing dependencies (npm ci)')
  const npm = process.env.npm_execpath
  const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []]
  const args = [...first, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    console.error('sidetone: npm ci failed; its message is above.')
    process.exit(status ?? 1)
  }
  writeFileSync(stampFile, stamp)
}

const local = join(root, 'node_modules', '.bin', 'node')
const node = existsSync(local) ? local : process.execPath
const major = Number(execFileSync(node, ['--version'], { encoding: 'utf8' }).slice(1).split('.')[0])
if (major < requiredMajor) {
  console.error(
    `sidetone: Node ${requiredMajor} or newer is needed and ${node} is version ${major}. ` +
      'On Linux (x64, arm64) it comes with the optional dependencies; elsewhere install Node 24 and run this again.',
  )
  process.exit(1)
}

// The first start then finds the code compiled, as each later one does.
if (installed) {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node') }
  const script = "await import('./apps/sidetone/src/start-sidetone.ts'); process.exit()"
  spawnSync(node, ['--input-type=module', '--eval', script], { cwd: root, env, stdio: 'ignore' })
}
