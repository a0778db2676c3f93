import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Hono } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Sidetone API</title>
    <script type="module" src="/docs/rapidoc.js"></script>
  </head>
  <body>
    <rapi-doc spec-url="/openapi.json" render-style="read" theme="light" primary-color="#1f6feb" show-header="false"
      sort-tags="true" show-method-in-nav-bar="as-colored-text" load-fonts="false" regular-font="system-ui, sans-serif"
      mono-font="ui-monospace, monospace" schema-style="table" allow-spec-file-load="false" allow-spec-url-load="false"></rapi-doc>
  </body>
</html>
`

const snapshot = (name: string): string =>
  readFileSync(new URL(import.meta.resolve(`@sidetone/proto-schemas/snapshots/${name}`)), 'utf8')

/** The generated documents, as they are committed, and a page to read and try them, which needs nothing from elsewhere. */
export function addDocuments(app: Hono<GatewayEnv>): void {
  const openapi = snapshot('openapi.json')
  const asyncapi = snapshot('asyncapi.json')
  const readerFile = createRequire(import.meta.url).resolve('rapidoc/dist/rapidoc-min.js')
  let reader: string | undefined

  app.get('/openapi.json', (c) => c.body(openapi, 200, { ...c.env.headers, 'Content-Type': 'application/json' }))
  app.get('/asyncapi.json', (c) => c.body(asyncapi, 200, { ...c.env.headers, 'Content-Type': 'application/json' }))
  app.get('/docs', (c) => c.html(page, 200, c.env.headers))
  app.get('/docs/rapidoc.js', (c) => {
    reader ??= readFileSync(readerFile, 'utf8')
    return c.body(reader, 200, {
      ...c.env.headers,
      'Content-Type': 'text/javascript',
      'Cache-Control': 'public, max-age=86400',
    })
  })
}
