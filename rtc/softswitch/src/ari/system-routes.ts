import { timestamp } from '../call/core.ts'
import { type App, appView } from './apps.ts'
import type { AriContext, AriRequest, Routes } from './route.ts'
import { AriError, list, NO_CONTENT, ok, text } from './route.ts'

/** What we answer to be: the ARI of this version. */
const ASTERISK_VERSION = '22.10.1'

function info({ asteriskId, startedAt, maxCalls }: AriContext, { args }: AriRequest) {
  const all = {
    build: {
      os: 'Linux',
      kernel: 'unknown',
      machine: 'unknown',
      options: 'sidetone-softswitch',
      date: timestamp(startedAt),
      user: 'sidetone',
    },
    system: { version: ASTERISK_VERSION, entity_id: asteriskId },
    config: {
      name: 'sidetone',
      default_language: 'en',
      setid: { user: '', group: '' },
      max_channels: maxCalls,
      // How many sides of a call a recording can keep apart; Asterisk does not say.
      record_channels: 2,
    },
    status: { startup_time: timestamp(startedAt), last_reload_time: timestamp(startedAt) },
  }
  const only = list(args, 'only').flatMap((value) => value.split(','))
  return ok(Object.fromEntries(Object.entries(all).filter(([key]) => only.length === 0 || only.includes(key))))
}

function findApp({ apps }: AriContext, { params }: AriRequest): App {
  const app = apps.byName.get(params.applicationName ?? '')
  if (!app) throw new AriError(404, 'Application not found')
  return app
}

function eventTypes(value: unknown): { type: string }[] {
  if (value === undefined || value === null) return []
  const valid = Array.isArray(value) && value.every((entry) => typeof entry?.type === 'string')
  if (!valid) throw new AriError(400, 'Invalid format definition')
  return value.map(({ type }) => ({ type }))
}

const SOURCES = new Map<string, 'channels' | 'bridges' | 'endpoints'>(
  Object.entries({
    channel: 'channels',
    bridge: 'bridges',
    endpoint: 'endpoints',
  }),
)

const subscription = (how: 'add' | 'delete') => (context: AriContext, request: AriRequest) => {
  const sources = list(request.args, 'eventSource').flatMap((value) => value.split(','))
  if (sources.length === 0) throw new AriError(400, 'Missing parameter eventSource')
  const app = findApp(context, request)
  for (const source of sources) {
    const colon = source.indexOf(':')
    const kind = SOURCES.get(source.slice(0, colon))
    const id = source.slice(colon + 1)
    if (!kind) throw new AriError(400, 'Invalid event source URI scheme')
    if (how === 'delete' ? !app[kind].has(id) : kind !== 'endpoints' && !context.core[kind].has(id)) {
      throw new AriError(422, how === 'delete' ? 'Event source was not subscribed to' : 'Event source does not exist')
    }
    app[kind][how](id)
  }
  return ok(appView(app))
}

/** The endpoints there are: extensions with a contact, and callers in a call. */
function endpoints({ core, location }: AriContext) {
  const names = new Map<string, string[]>()
  for (const { aor } of location.list()) names.set(aor, [])
  for (const { id, endpoint, name } of core.channels.values()) {
    if (name.startsWith('PJSIP/')) names.set(endpoint, [...(names.get(endpoint) ?? []), id])
  }
  return [...names].map(([resource, channel_ids]) => ({
    technology: 'PJSIP',
    resource,
    state: location.find(resource).length > 0 ? 'online' : 'offline',
    channel_ids,
  }))
}

function variableName(args: Record<string, unknown>): string {
  const variable = text(args, 'variable')
  if (variable === undefined) throw new AriError(400, 'Variable name is required')
  return variable
}

export const systemRoutes: Routes = {
  'GET /asterisk/info': info,
  'GET /asterisk/ping': ({ asteriskId }) => ok({ ping: 'pong', timestamp: timestamp(), asterisk_id: asteriskId }),
  'GET /asterisk/variable': ({ variables }, { args }) => ok({ value: variables.get(variableName(args)) ?? '' }),
  'POST /asterisk/variable': ({ variables }, { args }) => {
    variables.set(variableName(args), text(args, 'value') ?? '')
    return NO_CONTENT
  },
  'GET /applications': ({ apps }) => ok([...apps.byName.values()].map(appView)),
  'GET /applications/:applicationName': (context, request) => ok(appView(findApp(context, request))),
  'PUT /applications/:applicationName/eventFilter': (context, request) => {
    const app = findApp(context, request)
    const allowed = eventTypes(request.args.allowed)
    const disallowed = eventTypes(request.args.disallowed)
    Object.assign(app, { allowed, disallowed })
    return ok(appView(app))
  },
  'POST /applications/:applicationName/subscription': subscription('add'),
  'DELETE /applications/:applicationName/subscription': subscription('delete'),
  'GET /endpoints': (context) => ok(endpoints(context)),
  'GET /endpoints/:tech': (context, { params }) => {
    if (params.tech !== 'PJSIP') throw new AriError(404, `No Endpoints found - invalid tech ${params.tech}`)
    return ok(endpoints(context))
  },
  'GET /endpoints/:tech/:resource': (context, { params }) => {
    const found = endpoints(context).find(({ resource }) => params.tech === 'PJSIP' && resource === params.resource)
    if (!found) throw new AriError(404, 'Endpoint not found')
    return ok(found)
  },
}
