import { setTimeout as sleep } from 'node:timers/promises'
import { serveContract, type Transport } from '@sidetone/bus'
import type { Files } from '@sidetone/files'
import { asteriskContract, asteriskContractOf } from '@sidetone/proto-schemas/asterisk'
import type { Logger } from 'pino'
import { type AriMessage, type AriReply, type AriRequest, type AriSocket, openAriSocket } from './ari-socket.ts'
import { carrierEndpoints } from './carrier-endpoints.ts'
import { createEventPublisher, type EventPublisher } from './event-publisher.ts'
import { proxyHandlers } from './proxy-handlers.ts'

export interface AsteriskProxyOptions {
  /** `http://127.0.0.1:8088/ari` */
  ariUrl: string
  user: string
  password: string
  app: string
  transport: Transport
  files: Files
  log: Logger
  /** The node's own entity id when absent. */
  asteriskId?: string | undefined
}

export interface AsteriskProxy {
  asteriskId: string
  /** Whether the node can be asked now. */
  connected(): boolean
  /** The node is about to stop in order: what it still reports goes through, and that it goes is no news. */
  nodeStops(): void
  /** Takes nothing new, lets what runs end, and leaves the node alone: its calls go on. */
  close(): Promise<void>
}

type Arrival = AriMessage & { channel: { id: string } }
/** A call has come in: rtc/asterisk's dialplan, and the softswitch, say so. */
const isArrival = (event: AriMessage): event is Arrival =>
  event.type === 'StasisStart' && Array.isArray(event.args) && event.args.includes('direction=in')

/** What ARI answers about a channel that is not there. */
const noSuchSource = 422
const firstDelayMs = 250
const longestDelayMs = 10_000

/** Joins one RTC node to the bus. Resolves once the node has been reached; from then on it reconnects by itself. */
export async function startAsteriskProxy(options: AsteriskProxyOptions): Promise<AsteriskProxy> {
  const { ariUrl, user, password, app, transport, files, log } = options
  const stopped = new AbortController()
  const early: Parameters<EventPublisher['publish']>[0][] = []
  let publisher: EventPublisher | undefined
  let socket: AriSocket | undefined
  let replaced = false
  let expectsEnd = false

  const open = () =>
    openAriSocket({
      ariUrl,
      user,
      password,
      app,
      log,
      onEvent(event) {
        if (event.type === 'ApplicationReplaced') {
          log.error('another proxy has taken over this RTC node; there must be one for each node')
          replaced = true
          return socket?.close()
        }
        tell(event)
        if (isArrival(event)) void hearToItsEnd(event)
      },
    })

  function tell(event: AriMessage): void {
    if (publisher) publisher.publish(event)
    else early.push(event)
  }

  /** Of a channel that the node's dialplan gave to the application, the node tells no more once it has left; it is to tell of its end too. */
  async function hearToItsEnd({ channel }: Arrival): Promise<void> {
    const query = { eventSource: `channel:${channel.id}` }
    try {
      const { status } = await request({ method: 'POST', path: `applications/${app}/subscription`, query })
      // It has gone already, and nobody has told its end.
      if (status === noSuchSource) tell({ type: 'ChannelDestroyed', channel, cause: 0, cause_txt: 'Unknown' })
      else if (status !== 200)
        log.warn({ status, channel_id: channel.id }, 'the RTC node will not tell how a call ends')
    } catch (err) {
      // Whoever waits for its end finds out by the list of channels after the next `NodeConnected`.
      log.debug({ err, channel_id: channel.id }, 'the connection was lost before a call could be followed')
    }
  }

  /** Tries until it works, with growing delays; undefined when the proxy was closed meanwhile. */
  async function connect(): Promise<AriSocket | undefined> {
    for (let delayMs = firstDelayMs; !stopped.signal.aborted; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
      try {
        return await open()
      } catch (err) {
        log.warn({ err, ari_url: ariUrl, retry_ms: delayMs }, 'the RTC node cannot be reached')
        await pause(delayMs)
      }
    }
    return undefined
  }

  const pause = (delayMs: number) => sleep(delayMs, undefined, { signal: stopped.signal }).catch(() => undefined)

  const request = (ariRequest: AriRequest): Promise<AriReply> =>
    socket ? socket.request(ariRequest) : Promise.reject(new Error('there is no connection to the RTC node'))

  socket = (await connect())!
  const asteriskId = options.asteriskId ?? (await entityId(request))
  publisher = createEventPublisher({ transport, asteriskId, log })

  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const carriers = carrierEndpoints({ transport, request, log })
  const handlers = proxyHandlers({ asteriskId, ariUrl, authorization, request, files, carriers, log })
  const servers = await Promise.all(
    [asteriskContractOf(asteriskId), asteriskContract].map((contract) =>
      serveContract(contract, handlers, { transport, log }),
    ),
  )

  // Whoever keeps state about this node compares it with the node's now: events may have been missed.
  const announce = () => publisher.publish({ type: 'NodeConnected' })
  announce()
  for (const event of early.splice(0)) publisher.publish(event)

  async function stayConnected(first: AriSocket): Promise<void> {
    let current: AriSocket | undefined = first
    while (current) {
      await current.closed
      socket = undefined
      if (expectsEnd || stopped.signal.aborted) return
      log.warn({ asterisk_id: asteriskId }, 'the connection to the RTC node was lost')
      // Two proxies that take a node from each other all the time would be worse than one that is silent.
      await pause(replaced ? longestDelayMs : firstDelayMs)
      replaced = false
      current = await connect()
      socket = current
      if (!current) return
      log.info({ asterisk_id: asteriskId }, 'connected to the RTC node again')
      announce()
    }
  }
  const connected = stayConnected(socket)

  return {
    asteriskId,
    connected: () => socket !== undefined,
    nodeStops() {
      expectsEnd = true
    },
    async close() {
      stopped.abort()
      await Promise.all(servers.map((server) => server.close()))
      socket?.close()
      await connected
      await publisher.close()
    },
  }
}

async function entityId(request: (ariRequest: AriRequest) => Promise<AriReply>): Promise<string> {
  const { status, body } = await request({ method: 'GET', path: 'asterisk/info', query: { only: 'system' } })
  const id = (body as { system?: { entity_id?: string } } | null)?.system?.entity_id
  if (!id) throw new Error(`the RTC node does not tell its entity id (status ${status}); set ASTERISK_ID`)
  return id
}
