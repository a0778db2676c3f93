// Writes everything that is derived from the contracts: `--check` only compares, and fails when something is stale.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asyncapi } from './generate/asyncapi.ts'
import { openapi } from './generate/openapi.ts'
import { sdkOperations } from './generate/sdk.ts'

const root = dirname(import.meta.dirname)
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const files: Record<string, string> = {
  'proto-schemas/snapshots/openapi.json': json(openapi()),
  'proto-schemas/snapshots/asyncapi.json': json(asyncapi()),
  'libs/sdk/src/generated/operations.ts': sdkOperations(),
}

const check = process.argv.includes('--check')
const stale: string[] = []
for (const [file, content] of Object.entries(files)) {
  const path = join(root, file)
  if (read(path) === content) continue
  stale.push(file)
  if (check) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

if (check && stale.length > 0) {
  console.error(`stale: ${stale.join(', ')}. Run \`npm run generate\` and commit the result.`)
  process.exit(1)
}
console.log(stale.length === 0 ? 'generated files are current' : `written: ${stale.join(', ')}`)

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
