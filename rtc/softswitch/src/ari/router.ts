import { STATUS_CODES } from 'node:http'
import { bridgeRoutes } from './bridge-routes.ts'
import { channelMediaRoutes } from './channel-media-routes.ts'
import { channelRoutes } from './channel-routes.ts'
import { configRoutes } from './config-routes.ts'
import { externalMediaRoutes } from './external-media-routes.ts'
import { mediaRoutes } from './media-routes.ts'
import { originateRoutes } from './originate-routes.ts'
import { type AriContext, AriError, type AriReply, type Handler, type Routes } from './route.ts'
import { systemRoutes } from './system-routes.ts'

/** One answer, for HTTP and for REST over the WebSocket alike. */
export interface AriResponse {
  status: number
  reason: string
  contentType?: string
  body?: string | Buffer
}

interface Node {
  children: Map<string, Node>
  parameter?: { name: string; node: Node }
  handlers: Map<string, Handler>
}

const newNode = (): Node => ({ children: new Map(), handlers: new Map() })

const ROUTES: Routes = {
  ...channelRoutes,
  ...originateRoutes,
  ...externalMediaRoutes,
  ...channelMediaRoutes,
  ...bridgeRoutes,
  ...mediaRoutes,
  ...systemRoutes,
  ...configRoutes,
}

function buildTree(): Node {
  const root = newNode()
  for (const [key, handler] of Object.entries(ROUTES)) {
    const [method = '', path = ''] = key.split(' ')
    let node = root
    for (const segment of path.split('/').slice(1)) {
      if (segment.startsWith(':')) {
        // Names of parameters differ per route below one node; the handler of a node knows its own.
        node.parameter ??= { name: segment.slice(1), node: newNode() }
        node = node.parameter.node
      } else {
        const child = node.children.get(segment) ?? newNode()
        node.children.set(segment, child)
        node = child
      }
    }
    node.handlers.set(method, handler)
  }
  return root
}

const ROOT = buildTree()

const json = (status: number, body: unknown, reason = STATUS_CODES[status] ?? ''): AriResponse => ({
  status,
  reason,
  contentType: 'application/json',
  body: JSON.stringify(body),
})

/** Query string and body as one set of arguments (Asterisk reads both, the body last). */
function readArgs(query: URLSearchParams, contentType: string | undefined, body: string): Record<string, unknown> {
  const args: Record<string, unknown> = {}
  for (const [name, value] of query) args[name] = value.includes(',') && LISTS.has(name) ? value.split(',') : value
  if (body === '') return args
  if (contentType?.startsWith('application/x-www-form-urlencoded')) {
    for (const [name, value] of new URLSearchParams(body)) args[name] = value
    return args
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    throw new AriError(400, 'Error parsing request body')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AriError(400, 'Error parsing request body')
  }
  return { ...args, ...parsed }
}

/** Parameters that ARI declares with `allowMultiple`. */
const LISTS = new Set(['media', 'channel', 'eventSource', 'only', 'app'])

/** Answers one request; `path` is what follows `/ari`. */
export async function answer(
  context: AriContext,
  request: { method: string; path: string; query: URLSearchParams; contentType?: string | undefined; body: string },
): Promise<AriResponse> {
  try {
    const reply = await dispatch(context, request)
    if ('file' in reply) return { status: 200, reason: 'OK', contentType: reply.contentType, body: reply.file }
    return 'body' in reply ? json(reply.status, reply.body) : { status: 204, reason: 'No Content' }
  } catch (error) {
    if (error instanceof AriError) {
      const { status, message, reason } = error
      return json(status, status === 500 && message === 'Allocation failed' ? { error: message } : { message }, reason)
    }
    context.onError(error)
    return json(500, { message: 'Internal Server Error' })
  }
}

function dispatch(
  context: AriContext,
  request: { method: string; path: string; query: URLSearchParams; contentType?: string | undefined; body: string },
): AriReply | Promise<AriReply> {
  const { method, path } = request
  if (path.endsWith('/'))
    throw new AriError(404, `ARI URLs do not end with a slash. Try /ari${path.replace(/\/+$/, '')}`)
  const params: Record<string, string> = {}
  let node = ROOT
  for (const segment of path.split('/').slice(1)) {
    const child = node.children.get(segment)
    if (!child && node.parameter) {
      try {
        params[node.parameter.name] = decodeURIComponent(segment)
      } catch {
        throw new AriError(400, 'Error parsing request path')
      }
    }
    const next = child ?? node.parameter?.node
    if (!next) throw new AriError(404, 'Resource not found')
    node = next
  }
  const handler = node.handlers.get(method)
  if (!handler) {
    throw node.handlers.size === 0 ? new AriError(404, 'Resource not found') : new AriError(405, 'Invalid method')
  }
  return handler(context, { params, args: readArgs(request.query, request.contentType, request.body) })
}
