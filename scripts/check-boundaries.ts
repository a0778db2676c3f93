// Imports point one way. npm hoists everything, so a wrong import runs and type-checks; only this notices.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

const root = dirname(import.meta.dirname)
const sources = globSync(
  ['libs/**/*.ts', 'proto-schemas/**/*.ts', 'apps/**/*.ts', 'rtc/**/*.ts', 'e2e/**/*.ts', 'bench/**/*.ts'],
  {
    cwd: root,
    exclude: (name) => name === 'node_modules',
  },
)

const packages = new Map(
  globSync(
    [
      'libs/*/package.json',
      'proto-schemas/package.json',
      'apps/*/package.json',
      'rtc/*/package.json',
      'e2e/package.json',
      'bench/package.json',
    ],
    { cwd: root },
  ).map(
    (file) =>
      [
        (JSON.parse(readFileSync(join(root, file), 'utf8')) as { name: string }).name,
        dirname(file).split(sep).join('/'),
      ] as const,
  ),
)

/** Which folders a source file may import from, by where it lives. Tests may also use the test kit and the test phone. */
function mayImport(from: string, to: string): string | undefined {
  const isTest = /\.test\.ts$|\/test\//.test(from)
  const isApp = to.startsWith('apps/')
  if (isTest && (to === 'libs/testing' || to === 'e2e')) return undefined
  if (from.startsWith('libs/contract/')) return 'libs/contract imports nothing of ours'
  if (from.startsWith('proto-schemas/') && to !== 'libs/contract') return 'proto-schemas imports libs/contract alone'
  // It runs what the contract of flows declares, and knows nothing else of the platform.
  if (from.startsWith('libs/flow-engine/') && to === 'proto-schemas') return undefined
  if (from.startsWith('libs/') && !to.startsWith('libs/')) return 'libs import only libs'
  if (from.startsWith('apps/') && !from.startsWith('apps/sidetone/') && isApp)
    return 'no app imports another app; ask it through its contract'
  if (from.startsWith('rtc/') && isApp) return 'rtc packages do not import apps'
  if (from.startsWith('apps/') && !from.startsWith('apps/sidetone/') && to.startsWith('rtc/') && !isTest)
    return 'only apps/sidetone composes apps with rtc packages'
  return undefined
}

const mayReadEnvironment =
  /(^|\/)(main|admin|migrate)\.ts$|run-manager\.ts$|^libs\/testing\/|^e2e\/|^bench\/|\/test\/|\.test\.ts$/

const problems: string[] = []
for (const file of sources.map((path) => path.split(sep).join('/'))) {
  const text = readFileSync(join(root, file), 'utf8')
  const home = [...packages.values()].find((folder) => file.startsWith(`${folder}/`))
  for (const [, specifier] of text.matchAll(/(?:from|import|import\()\s*'([^']+)'/g)) {
    if (specifier!.startsWith('.')) {
      const target = relative(root, join(root, dirname(file), specifier!))
        .split(sep)
        .join('/')
      if (home && !target.startsWith(`${home}/`))
        problems.push(`${file}: '${specifier}' leaves its package; import the package by name`)
      if (!/\.(ts|json|mjs|js)$/.test(specifier!))
        problems.push(`${file}: '${specifier}' must name the file with its ending`)
      continue
    }
    const name = [...packages.keys()].find((known) => specifier === known || specifier!.startsWith(`${known}/`))
    if (!name) continue
    if (specifier!.includes('/src/'))
      problems.push(`${file}: '${specifier}' reaches into a package; import what its index exports`)
    const problem = packages.get(name) === home ? undefined : mayImport(file, packages.get(name)!)
    if (problem) problems.push(`${file}: '${specifier}': ${problem}`)
  }
  if (/process\.env\b/.test(text) && !mayReadEnvironment.test(file))
    problems.push(`${file}: only the start of a process reads process.env; take a setting instead`)
  if (file.startsWith('apps/') && /from 'kysely'/.test(text))
    problems.push(`${file}: 'kysely': use @sidetone/store, which cannot forget the customer`)
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`${sources.length} files keep the boundaries`)
