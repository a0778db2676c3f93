import { mkdir } from 'node:fs/promises'
import { createOutbound } from '@sidetone/outbound'
import { createAddresses } from './addresses.ts'
import { createApps } from './ari/apps.ts'
import { startAriServer } from './ari/server.ts'
import { hangupChannel } from './call/channel.ts'
import { type Core, timestamp } from './call/core.ts'
import { createEndpoints } from './call/endpoints.ts'
import { createInbound } from './call/inbound.ts'
import { createMediaLoader } from './call/media-source.ts'
import type { Resolve } from './call/outbound-sip.ts'
import { createRedirects, phonesOf } from './call/redirect.ts'
import { createRegistrations } from './call/registrations.ts'
import { createWebMedia } from './call/web-media.ts'
import type { SoftswitchConfig } from './config.ts'
import { createMediaEngine, createMp3Decoder } from './media/index.ts'
import { watchOverload } from './overload.ts'
import type { Changed, FromWorker, Metrics, Registration } from './protocol.ts'
import { createAuthenticator, type Lookup } from './sip/authenticate.ts'
import { openCapture } from './sip/capture.ts'
import { createInvitePolicy } from './sip/invite-policy.ts'
import { type Binding, createLocation, type LocationChange } from './sip/location.ts'
import { startNatPing } from './sip/nat-ping.ts'
import { createNonceIssuer } from './sip/nonce.ts'
import { createRegistrar } from './sip/registrar.ts'
import { createSourceGuard } from './sip/source-guard.ts'
import { createFailureThrottle, createPacketLimiter } from './sip/throttle.ts'
import { SIP_TIMERS } from './sip/timers.ts'
import { readTlsIdentity } from './sip/tls-identity.ts'
import { createUserAgent, type UserAgent } from './sip/user-agent.ts'
import { loadWebRtc } from './webrtc/load.ts'

const PACKETS_PER_SECOND = 200
const PACKET_BURST = 400
const DRAIN_MS = 2000

export interface Switch {
  sipPort: number
  sipTlsPort: number | undefined
  sipWsPort: number | undefined
  ariPort: number
  metrics(): Metrics
  unregister(gone: NonNullable<Changed['gone']>): void
  close(): Promise<void>
}

type Log = (entry: Omit<Extract<FromWorker, { type: 'log' }>, 'type'>) => void

/** Puts the parts together: SIP below, channels in the middle, ARI above. */
export async function startSwitch(
  config: SoftswitchConfig,
  outside: { lookup: Lookup; onRegistration(registration: Registration): void; log: Log },
  registrations: Registration[],
): Promise<Switch> {
  await mkdir(config.recordingDir, { recursive: true })
  const counters: Metrics = {}
  const count = (name: string) => {
    counters[name] = (counters[name] ?? 0) + 1
  }
  const onError = (error: unknown) =>
    outside.log({
      level: 'error',
      fields: { err: String((error as Error)?.stack ?? error) },
      message: 'a request failed',
    })

  const warn = (fields: object, message: string) => outside.log({ level: 'warn', fields: plain(fields), message })

  const addresses = createAddresses(config)
  const { isLocalDomain, trunkOf, trusted } = addresses
  const media = createMediaEngine({
    bindAddress: config.bindAddress,
    portMin: config.rtpPortMin,
    portMax: config.rtpPortMax,
    makeSecure: config.sipWsPort === undefined ? undefined : await loadWebRtc(warn),
    log: { warn },
  })
  const mp3 = createMp3Decoder()
  const limits = { timeoutMs: 10_000, maxBytes: 20_000_000, userAgent: 'sidetone-softswitch' }
  const guarded = createOutbound({ ...limits, allow: config.mediaAllow, maxRedirects: 3 })
  // The platform itself may be anywhere, but leads nowhere else.
  const own = createOutbound({ ...limits, allow: ['0.0.0.0/0', '::/0'], maxRedirects: 0 })
  const platformOrigins = new Set(config.platformUrls.map((url) => new URL(url).origin))
  const apps = createApps(config.asteriskId)
  let channelNumber = 0
  let draining = false

  const core: Core = {
    count,
    channels: new Map(),
    bridges: new Map(),
    playbacks: new Map(),
    recordings: new Map(),
    media,
    loadMedia: createMediaLoader({
      recordingDir: config.recordingDir,
      web: createWebMedia({
        fetch: (url, headers) => (platformOrigins.has(new URL(url).origin) ? own : guarded).fetch(url, { headers }),
        decodeMp3: mp3.decode,
      }),
      onFailure: (uri, error) =>
        outside.log({
          level: 'warn',
          fields: { media: withoutQuery(uri), err: error.message },
          message: 'media cannot be played',
        }),
    }),
    recordingDir: config.recordingDir,
    addressOf: guarded.addressOf,
    warn: (fields, message) => outside.log({ level: 'warn', fields, message }),
    nextChannelName: (prefix) => `${prefix}-${(channelNumber++).toString(16).padStart(8, '0')}`,
    emit: apps.emit,
    hasApp: (name) => !draining && apps.isConnected(name),
    subscribe: apps.subscribe,
  }

  const location = createLocation(onLocationChange)
  restore(registrations)

  function restore(saved: Registration[]) {
    for (const { aor, contact, expires, source } of saved) {
      // A connection did not outlive the last run; its phone notices, and registers again.
      const [, remoteAddress, port] = /^udp:(.+):(\d+)$/.exec(source) ?? []
      if (expires * 1000 <= Date.now() || !remoteAddress) continue
      const from = { protocol: 'UDP', remoteAddress, remotePort: Number(port) } as const
      location.put({ aor, contact, expiresAt: expires * 1000, callId: '', cseq: 0, source: from })
    }
  }

  function onLocationChange(change: LocationChange, { aor, contact, expiresAt, source }: Binding) {
    const removed = change === 'removed'
    outside.onRegistration({
      aor,
      contact,
      expires: removed ? 0 : Math.round(expiresAt / 1000),
      source: `${source.protocol.toLowerCase()}:${source.remoteAddress}:${source.remotePort}`,
    })
    const state = location.find(aor).length > 0 ? 'online' : 'offline'
    const status = { created: 'Created', updated: 'Updated', removed: 'Removed' }[change]
    core.emit(
      {
        type: 'ContactStatusChange',
        timestamp: timestamp(),
        endpoint: { technology: 'PJSIP', resource: aor, state, channel_ids: [] },
        contact_info: { uri: contact, contact_status: status, aor },
      },
      { endpoint: aor },
    )
  }

  const { realm } = config
  const { lookup } = outside
  const endpoints = createEndpoints()
  const atCarriers = createRegistrations(() => agent, endpoints)
  const isTrusted = (source: string) =>
    trusted.check(source, source.includes(':') ? 'ipv6' : 'ipv4') || atCarriers.isServer(source)
  const limit = createPacketLimiter(PACKETS_PER_SECOND, PACKET_BURST)
  const sources = createSourceGuard({ isTrusted, count })
  const overload = watchOverload(config.maxUtilization)
  const full = () => core.channels.size >= config.maxCalls || overload.now()
  const authenticate = createAuthenticator({
    realm,
    algorithms: config.digestAlgorithms,
    lookup,
    nonces: createNonceIssuer(),
    throttle: createFailureThrottle(),
    onProven: sources.proven,
    count,
  })
  const register = createRegistrar({
    authenticate,
    location,
    isLocalDomain,
    minExpiresSeconds: config.minExpiresSeconds,
  })
  const inbound = createInbound({
    core,
    agent: () => agent,
    app: config.ariApp,
    full,
    calledNumber: atCarriers.calledThrough,
    decide: createInvitePolicy({
      ...{ realm, authenticate, lookup, isLocalDomain, trunkOf, isTrusted },
      onProven: sources.proven,
    }),
  })
  const capture =
    config.hepCollector &&
    openCapture(config.hepCollector, (flow) => ({
      address: addresses.addressFor(flow.remoteAddress),
      port: agent.port,
    }))

  const agent: UserAgent = await createUserAgent({
    bind: config.bindAddress,
    port: config.sipPort,
    tls: config.sipTls && { port: config.sipTls.port, identity: readTlsIdentity(config.sipTls, { onError }) },
    ws: config.sipWsPort === undefined ? undefined : { port: config.sipWsPort, origins: config.wsOrigins },
    nameServers: config.nameServers,
    timers: { ...SIP_TIMERS, t1Ms: config.sipT1Ms },
    addressFor: addresses.addressFor,
    admit: (source) => isTrusted(source) || limit(source),
    admitRequest: sources.admits,
    onInvite: (transaction) => void inbound(transaction).catch(onError),
    onRegister: (transaction) => void register(transaction).catch(onError),
    onConnectionLost: location.connectionLost,
    onMessage: capture?.onMessage,
    onError,
    onSendError: ({ message }) =>
      outside.log({ level: 'info', fields: { err: message }, message: 'a SIP message could not be sent' }),
    count,
  }).catch((error: unknown) => {
    const { port } = error as { port?: number }
    if (port !== undefined && port === config.sipTls?.port) throw portError(error, port, 'SIP_TLS_PORT')
    if (port !== undefined && port === config.sipWsPort) throw portError(error, port, 'SIP_WS_PORT')
    throw portError(error, config.sipPort, 'SIP_PORT')
  })

  const stopNatPing = startNatPing(location, agent, config.natPingSeconds)
  const resolve: Resolve = async (uri) => {
    const aor = addresses.aorOf(uri)
    if (aor === null) return [{ target: uri, ways: await agent.locate(uri) }]
    const phones = phonesOf(location, aor)
    return phones.length > 0 ? phones : null
  }
  const redirected = createRedirects({ addresses, location, locate: agent.locate, guard: guarded.addressOf })

  const ari = await startAriServer({
    context: {
      core,
      apps,
      location,
      agent: () => agent,
      resolve,
      redirected,
      endpoints,
      registrations: atCarriers,
      asteriskId: config.asteriskId,
      startedAt: new Date(),
      maxCalls: config.maxCalls,
      full,
      variables: new Map(),
      awaitedSockets: new Map(),
      onError,
    },
    port: config.ariPort,
    user: config.ariUser,
    password: config.ariPassword,
  }).catch(async (error: unknown) => {
    await agent.close()
    throw portError(error, config.ariPort, 'ARI_PORT')
  })

  return {
    sipPort: agent.port,
    sipTlsPort: agent.tlsPort,
    sipWsPort: agent.wsPort,
    ariPort: ari.port,
    metrics: () => ({
      ...counters,
      channels_active: core.channels.size,
      thread_utilization: overload.utilization,
      bridges_active: core.bridges.size,
      registrations_active: location.list().length,
      sip_transactions_active: agent.transactionsActive,
      ...prefixed('media_', media.metrics()),
    }),
    unregister({ customer_id, username }) {
      for (const { aor, contact } of location.list()) {
        if (username === undefined ? aor.endsWith(`@${customer_id}`) : aor === `${username}@${customer_id}`) {
          location.remove(aor, contact)
        }
      }
    },
    async close() {
      draining = true
      // A call that is not answered yet may find another way: 34 becomes a 503.
      for (const channel of core.channels.values()) hangupChannel(core, channel, channel.state === 'Up' ? 16 : 34)
      // A moment for the phones to answer the BYE, and for recordings to be complete.
      const until = Date.now() + DRAIN_MS
      while ((core.channels.size > 0 || core.recordings.size > 0) && Date.now() < until) await sleep(20)
      await sleep(20)
      stopNatPing()
      atCarriers.close()
      await ari.close()
      await agent.close()
      capture?.close()
      overload.close()
      location.close()
      media.close()
      await Promise.all([own.close(), guarded.close(), mp3.close()])
    },
  }
}

/** What follows the path of a URL may be a signature, which is for no log. */
const withoutQuery = (uri: string): string => uri.split('?', 1)[0]!

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function portError(error: unknown, port: number, setting: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const why = code === 'EACCES' ? 'may not be opened by this user' : 'is already in use'
  return new Error(`port ${port} ${why}; set ${setting} to another port`, { cause: error })
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const prefixed = (prefix: string, metrics: object): Metrics =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [prefix + snake(name), Number(value)]))

/** What can cross to the parent: an Error keeps its message. */
const plain = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
  )
