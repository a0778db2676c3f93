import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type HttpBindings, serve } from '@hono/node-server'
import { createClient, type LiveFeed, type Transport } from '@sidetone/bus'
import type { Cache } from '@sidetone/cache'
import type { Client, Contract } from '@sidetone/contract'
import type { FileSigner, Files } from '@sidetone/files'
import { SettingsError } from '@sidetone/manager'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { callContract } from '@sidetone/proto-schemas/call'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { directContract } from '@sidetone/proto-schemas/direct'
import { gatewayContract } from '@sidetone/proto-schemas/gateway'
import { timelineContract } from '@sidetone/proto-schemas/timeline'
import type { Logger } from '@sidetone/telemetry'
import { z } from 'zod'
import { activeOnly } from './active-only.ts'
import { createApp } from './app.ts'
import { createAuthenticator } from './authenticate.ts'
import { createEventStreams } from './event-streams.ts'
import { mediaAddress, mediaSocket } from './media-stream.ts'
import { createRateLimits } from './rate-limits.ts'
import { gatewayClient } from './session.ts'
import { eventSocket } from './socket-connection.ts'
import { createTokens } from './tokens.ts'
import { attachWebSocket } from './websocket.ts'

const requests = (fallback: number) => z.coerce.number().int().min(0).default(fallback)

/** The gateway's own environment variables. The limits are requests per ten seconds (RATE_LIMIT_AUTH per minute); 0 switches one off. */
export const gatewaySettings = z.object({
  RATE_LIMIT_IP: requests(5_000),
  RATE_LIMIT_AUTH: requests(60),
  RATE_LIMIT_CUSTOMER: requests(2_000),
  MAX_BODY_BYTES: z.coerce.number().int().min(1_024).default(1_048_576),
  MAX_UPLOAD_BYTES: z.coerce
    .number()
    .int()
    .min(1_024)
    .default(30 * 1_048_576),
  MEDIA_ADDRESS: mediaAddress,
})

export interface GatewayOptions {
  port: number
  settings: z.output<typeof gatewaySettings>
  version: string
  transport: Transport
  feed: LiveFeed
  cache: Cache
  files: Files
  fileSigner: FileSigner
  jwtKey: Uint8Array
  log: Logger
  /** How long requests and sockets may take to end at `close`. */
  drainMs: number
  notReady: () => Promise<string[]>
}

export interface Gateway {
  port: number
  /** Takes no new requests, finishes those in flight, closes sockets with a code that says so. */
  close: () => Promise<void>
}

/** Listens; a port in use is reported together with the setting that changes it. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { transport, feed, cache, jwtKey, log, settings } = options
  const clientOf = <C extends Contract>(contract: C): Client<C> =>
    createClient(contract, { transport, publisher: 'gateway' })
  const doormen = {
    tokens: createTokens(jwtKey),
    agents: clientOf(agentContract),
    customers: clientOf(customerContract),
    directs: clientOf(directContract),
  }
  const authenticator = createAuthenticator(doormen)
  const own = gatewayClient(doormen)
  const fetch = createApp({
    ...options,
    client: (contract) =>
      contract.name === gatewayContract.name
        ? (own as unknown as Client<Contract>)
        : activeOnly(contract, clientOf(contract), authenticator),
    authenticator,
    rateLimits: createRateLimits(cache, settings),
    maxBodyBytes: settings.MAX_BODY_BYTES,
    maxUploadBytes: settings.MAX_UPLOAD_BYTES,
  })
  const streams = createEventStreams({ feed, timeline: clientOf(timelineContract), log })
  const server = await listen(fetch, options.port)
  const media = mediaSocket({ calls: clientOf(callContract).call, streams, address: settings.MEDIA_ADDRESS, log })
  const sockets = attachWebSocket(server, { authenticator, routes: [eventSocket(streams), media], log })

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      sockets.close()
      await closed(server, options.drainMs)
      await media.ended()
      streams.close()
    },
  }
}

const closed = (server: Server, drainMs: number): Promise<void> =>
  new Promise((resolve) => {
    // A connection that has had its answer stays open for the next request, which must not come any more.
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    const late = setTimeout(() => server.closeAllConnections(), drainMs)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(late)
      resolve()
    })
    server.closeIdleConnections()
  })

const serverOptions = {
  // For a request to arrive in full: a slow or silent client must not hold a connection for minutes.
  requestTimeout: 30_000,
  headersTimeout: 10_000,
  // Longer than load balancers and clients keep one open that is not in use (60 s is usual): whoever closes first cuts off the other's next request.
  keepAliveTimeout: 65_000,
  // Some clients offer h2c with every request (curl --http2, Java); those are to be answered as HTTP/1.1.
  shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
}

function listen(fetch: ReturnType<typeof createApp>, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    // It speaks HTTP/1.1 alone.
    const answer: Parameters<typeof serve>[0]['fetch'] = (request, bindings) => fetch(request, bindings as HttpBindings)
    const server = serve({ fetch: answer, port, serverOptions }, () => resolve(server)) as Server
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE'
      reject(inUse ? new SettingsError(`HTTP port ${port} is in use; set HTTP_PORT to a free one.`) : error)
    })
  })
}
