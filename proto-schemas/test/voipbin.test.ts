import { existsSync, readFileSync } from 'node:fs'
import { type Contract, pathParameters, routesOf } from '@sidetone/contract'
import { describe, expect, test } from 'vitest'
import { contracts } from '../src/index.ts'

interface Facts {
  paths: Record<string, Record<string, { body?: { properties?: Record<string, unknown> } }>>
}

// The facts are not part of this repository; without them there is nothing to compare with.
const file = new URL('../../../shared/reference/voipbin-api.facts.json', import.meta.url)
const facts = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Facts) : undefined
const ours = (contracts as readonly Contract[])
  .flatMap((contract) => routesOf(contract))
  .filter(({ operation }) => operation.allow)
const shape = (path: string) => path.replaceAll(/\{\w+\}/g, '{}')

describe.skipIf(!facts)('what VoIPBIN’s clients send is taken', () => {
  const theirs = Object.entries(facts?.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      key: `${method.toUpperCase()} ${shape(path)}`,
      operation,
    })),
  )

  test.each(ours.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_, route) => {
    const fact = theirs.find(({ key }) => key === `${route.method} ${shape(route.path)}`)
    if (!fact) return
    const fields = Object.keys(fact.operation.body?.properties ?? {}).filter(
      (name) => !pathParameters(route.path).includes(name),
    )
    expect(Object.keys(route.operation.input.shape)).toEqual(expect.arrayContaining(fields))
  })
})
