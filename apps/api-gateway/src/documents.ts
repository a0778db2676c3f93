import { readFileSync } from 'node:fs'
import { Scalar } from '@scalar/hono-api-reference'
import type { Hono } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

const snapshot = (name: string): string =>
  readFileSync(new URL(import.meta.resolve(`@sidetone/proto-schemas/snapshots/${name}`)), 'utf8')

/** The generated documents, as they are committed, and a page to read them. */
export function addDocuments(app: Hono<GatewayEnv>): void {
  const openapi = snapshot('openapi.json')
  const asyncapi = snapshot('asyncapi.json')
  app.get('/openapi.json', (c) => c.body(openapi, 200, { 'Content-Type': 'application/json' }))
  app.get('/asyncapi.json', (c) => c.body(asyncapi, 200, { 'Content-Type': 'application/json' }))
  app.get('/docs', Scalar({ url: '/openapi.json', pageTitle: 'Sidetone API' }))
}
