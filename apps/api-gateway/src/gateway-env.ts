import type { HttpBindings } from '@hono/node-server'

/** What travels with a request through Hono. */
export interface GatewayEnv {
  Bindings: HttpBindings & {
    request_id: string
    /** What every answer carries. A plain object, as node-server writes it as it is: each header set on Hono's costs more than the rest of a small request. */
    headers: Record<string, string>
  }
}
