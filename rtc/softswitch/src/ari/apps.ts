import type { About, AriEvent } from '../call/core.ts'

/** One application: where its events go, and what it asked to hear of. */
export interface App {
  readonly name: string
  subscribeAll: boolean
  /** Null while nobody is connected: as in Asterisk, what it has subscribed to waits for whoever comes back. */
  send: ((text: string) => void) | null
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
  readonly byName: ReadonlyMap<string, App>
  isConnected(name: string): boolean
  /** A second connection for a name takes it over; the first is told, and hears nothing more. */
  connect(name: string, subscribeAll: boolean, send: (text: string) => void): void
  /** The connection has gone; the application goes too once it has nothing to hear of, unless another connection took it. */
  disconnect(name: string, send: (text: string) => void): void
  emit(event: AriEvent, about: About): void
  subscribe(app: string, about: About): void
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

  function forgetUnused(app: App): void {
    if (app.send === null && app.channels.size === 0) byName.delete(app.name)
  }

  return {
    byName,
    isConnected: (name) => byName.get(name)?.send != null,
    connect(name, subscribeAll, send) {
      const known = byName.get(name)
      if (known) {
        known.send?.(encode({ type: 'ApplicationReplaced' }, name))
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
      const app = byName.get(name)
      if (app?.send !== send) return
      app.send = null
      forgetUnused(app)
    },
    emit(event, about) {
      for (const app of byName.values()) {
        if (app.send && wants(app, about) && passes(app, event.type)) app.send(encode(event, app.name))
        // That was the last to be heard of it.
        if (event.type === 'ChannelDestroyed') app.channels.delete(about.channel!)
        if (event.type === 'BridgeDestroyed') app.bridges.delete(about.bridge!)
        forgetUnused(app)
      }
    },
    subscribe(name, { channel, bridge, endpoint }) {
      const app = byName.get(name)
      if (channel !== undefined) app?.channels.add(channel)
      if (bridge !== undefined) app?.bridges.add(bridge)
      if (endpoint !== undefined) app?.endpoints.add(endpoint)
    },
  }
}
