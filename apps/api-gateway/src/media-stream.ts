import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { type Client, internalIdentity, invalidArgument, isAllowed, managers } from '@sidetone/contract'
import type { Call, callContract } from '@sidetone/proto-schemas/call'
import { MediaStreamInput } from '@sidetone/proto-schemas/media-stream'
import type { Logger } from '@sidetone/telemetry'
import { z } from 'zod'
import type { EventStreams } from './event-streams.ts'
import { encapsulations } from './media-stream-encapsulations.ts'
import { relay } from './media-stream-relay.ts'
import { closeCodes, type SocketRoute } from './websocket.ts'

interface MediaSocketOptions {
  calls: Client<typeof callContract>['call']
  streams: EventStreams
  address: string
  log: Logger
}

/** Where RTC nodes send the audio of calls to this gateway. */
export const mediaAddress = z
  .ipv4('must be an IPv4 address, like 10.1.2.3')
  .refine(isOwnAddress, 'must be an address of this machine')
  .default('127.0.0.1')

/** RTC nodes send every 20 ms, silence too: when nothing has come for so long, nothing will. */
const silentAfterMs = 5_000

/** A customer hears a call and speaks into it. The protocol is in docs/media-stream.md. */
export function mediaSocket(options: MediaSocketOptions): SocketRoute & {
  /** Once all streams have ended, and their calls are rid of them. */
  ended: () => Promise<void>
} {
  const live = new Set<Promise<void>>()
  return {
    path: /^\/v1\.0\/calls\/(?<id>[^/]+)\/media_stream$/,
    allows: (identity) => isAllowed(managers, identity),
    async open({ input, ...origin }) {
      const parsed = MediaStreamInput.safeParse(input, { reportInput: true })
      if (!parsed.success) throw invalidArgument(parsed.error)
      const { id, encapsulation } = parsed.data
      const call = await options.calls.get({ id }, origin)
      const media = await startMedia(call, origin.request_id, options)
      const { promise: over, resolve: end } = Promise.withResolvers<void>()
      const cleared = over.then(media.stop).finally(() => live.delete(cleared))
      live.add(cleared)
      return {
        abandon: end,
        serve(client) {
          const { hasHeard, stop } = relay(client, media.rtp, encapsulations[encapsulation]())
          const watch = setInterval(() => {
            if (hasHeard()) return
            options.log.warn({ call_id: id, media_address: options.address }, 'no audio comes from the RTC node')
            client.close(closeCodes.failed, 'no audio comes from the call')
          }, silentAfterMs)
          client.once('close', () => {
            clearInterval(watch)
            stop()
            end()
          })
          void media.hungUp.then(() => client.close(closeCodes.ended, 'the call has ended'))
          return { leave: () => client.close(closeCodes.goingAway, 'the server is going away: reconnect') }
        },
      }
    },
    async ended() {
      await Promise.all(live)
    },
  }
}

/** Has the call's audio sent to a port of ours. */
async function startMedia(
  { id, customer_id }: Call,
  request_id: string,
  { calls, streams, address, log }: MediaSocketOptions,
): Promise<{ rtp: Socket; hungUp: Promise<void>; stop: () => Promise<void> }> {
  const asPlatform = { identity: internalIdentity(customer_id), request_id }
  const { promise: hungUp, resolve } = Promise.withResolvers<void>()
  const { leave } = await streams.join(customer_id, ({ type, resource_id }) => {
    if (type === 'call_hangup' && resource_id === id) resolve()
  })
  let rtp: Socket | undefined
  const release = (): void => {
    leave()
    rtp?.close()
  }
  try {
    rtp = await openPort(address)
    rtp.on('error', (error) => log.warn({ err: error, call_id: id }, 'the port of a media stream failed'))
    const { external_media_id } = await calls.external_media_start(
      {
        id,
        external_host: `${address}:${rtp.address().port}`,
        direction_listen: 'both',
        direction_speak: 'both',
      },
      asPlatform,
    )
    return {
      rtp,
      hungUp,
      async stop() {
        release()
        await calls
          .external_media_stop({ id, external_media_id }, asPlatform)
          .catch((err: unknown) => log.warn({ err, call_id: id }, 'a media stream could not be taken off its call'))
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

function openPort(address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(0, address, () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

function isOwnAddress(text: string): boolean {
  return Object.values(networkInterfaces()).some((faces) => faces?.some(({ address }) => address === text))
}
