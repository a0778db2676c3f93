import type { HttpBindings } from '@hono/node-server'
import type { Identity } from '@sidetone/contract'

/** What travels with a request through Hono. */
export interface GatewayEnv {
  Bindings: HttpBindings
  Variables: { request_id: string; identity: Identity }
}
