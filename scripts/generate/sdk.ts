import { type Contract, externalOf, pathParameters, publicPath, type Route, routesOf } from '@sidetone/contract'
import { contracts } from '@sidetone/proto-schemas'
import { componentCollector, type JsonSchema } from './json-schema.ts'
import { sentOf } from './sent-input.ts'
import { typeOf } from './typescript.ts'

/** The SDK's types, and the table by which it turns method calls into requests. */
export function sdkOperations(): string {
  const { components, schemaOf } = componentCollector()
  const routes = (contracts as readonly Contract[])
    .flatMap((contract) => routesOf(contract))
    .filter(({ operation }) => operation.allow && !operation.raw)
  const methods = routes.map((route) => ({
    route,
    input: typeOf(schemaOf(sentOf(route.operation), 'input')),
    output: route.operation.binary ? 'Blob' : typeOf(schemaOf(externalOf(route.operation.output), 'output')),
  }))
  const byResource = Map.groupBy(methods, ({ route }) => route.resource)

  const types = Object.entries(components)
    .sort()
    .map(([name, schema]) => `export type ${name} = ${typeOf(schema as JsonSchema)}\n`)
  const operations = [...byResource].map(([resource, all]) => {
    const lines = all.map(
      ({ route, input, output }) =>
        `    /** ${route.operation.summary} */\n    ${route.name}: Method<${input}, ${output}>`,
    )
    return `  ${resource}: {\n${lines.join('\n')}\n  }`
  })
  const table = [...byResource].map(([resource, all]) => {
    const lines = all.map(({ route }) => `    ${route.name}: ${JSON.stringify(rowOf(route))},`)
    return `  ${resource}: {\n${lines.join('\n')}\n  },`
  })
  return `// Generated from the contracts by \`npm run generate\`. Do not edit.
import type { Method, OperationRow } from '../client.ts'

${types.join('\n')}
export interface Operations {
${operations.join('\n')}
}

export const operations: Record<string, Record<string, OperationRow>> = {
${table.join('\n')}
}
`
}

const rowOf = ({ method, path, operation }: Route) => ({
  method,
  path: publicPath(path),
  parameters: pathParameters(path),
  ...(operation.binary && { binary: true }),
  ...(operation.upload && { upload: true }),
})
