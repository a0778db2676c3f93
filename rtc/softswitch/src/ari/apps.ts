import type { About, AriEvent } from '../call/core.ts'

/** One connected application: where its events go, and what it asked to hear of. */
export interface App {
  readonly name: string
  subscribeAll: boolean
  send(text: string): void
  readonly channels: Set<string>
  readonly bridges: Set<string>
  readonly endpoints: Set<string>
  allowed: { type: string }[]
  disallowed: { type: string }[]
}

export const appView = (app: App) => {
  const all = (names: Set<string>, topic: string) => (app.subscribeAll ? [`__AST_${topic}_ALL_TOPIC`] : [...names])
  return {
    name: app.name,
    channel_ids: all(app.channels, 'CHANNEL'),
    bridge_ids: all(app.bridges, 'BRIDGE'),
    endpoint_ids: all(app.endpoints, 'ENDPOINT'),
    device_names: app.subscribeAll ? ['__AST_DEVICE_STATE_ALL_TOPIC'] : [],
    events_allowed: app.allowed,
    events_disallowed: app.disallowed,
  }
}

/** All applications, and the delivery of events to them. */
export interface Apps {
  readonly byName: Map<string, App>
  /** A second connection for a name takes it over; the first is told, and hears nothing more. */
  connect(name: string, subscribeAll: boolean, send: (text: string) => void): void
  /** The connection has gone; the application goes too unless another connection took it. */
  disconnect(name: string, send: (text: string) => void): void
  emit(event: AriEvent, about: About): void
  subscribe(app: string, about: About): void
  unsubscribe(app: string, about: About): void
}

export function createApps(asteriskId: string): Apps {
  const byName = new Map<string, App>()
  const encode = (event: AriEvent, application: string) =>
    JSON.stringify({ ...event, asterisk_id: asteriskId, application })

  function passes(app: App, type: string): boolean {
    if (app.disallowed.some((event) => event.type === type)) return false
    return app.allowed.length === 0 || app.allowed.some((event) => event.type === type)
  }

  function wants(app: App, about: About): boolean {
    if (about.app !== undefined) return about.app === app.name
    if (app.subscribeAll) return true
    return (
      (about.channel !== undefined && app.channels.has(about.channel)) ||
      (about.bridge !== undefined && app.bridges.has(about.bridge)) ||
      (about.endpoint !== undefined && app.endpoints.has(`PJSIP/${about.endpoint}`))
    )
  }

  function change(name: string, { channel, bridge, endpoint }: About, how: 'add' | 'delete') {
    const app = byName.get(name)
    if (!app) return
    if (channel !== undefined) app.channels[how](channel)
    if (bridge !== undefined) app.bridges[how](bridge)
    if (endpoint !== undefined) app.endpoints[how](endpoint)
  }

  return {
    byName,
    connect(name, subscribeAll, send) {
      const known = byName.get(name)
      if (known) {
        known.send(encode({ type: 'ApplicationReplaced' }, name))
        known.send = send
        known.subscribeAll = subscribeAll
        return
      }
      byName.set(name, {
        name,
        subscribeAll,
        send,
        channels: new Set(),
        bridges: new Set(),
        endpoints: new Set(),
        allowed: [],
        disallowed: [],
      })
    },
    disconnect(name, send) {
      if (byName.get(name)?.send === send) byName.delete(name)
    },
    emit(event, about) {
      for (const app of byName.values()) {
        if (wants(app, about) && passes(app, event.type)) app.send(encode(event, app.name))
      }
    },
    subscribe: (name, about) => change(name, about, 'add'),
    unsubscribe: (name, about) => change(name, about, 'delete'),
  }
}
