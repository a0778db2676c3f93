import { randomUUID } from 'node:crypto'
import { type Bridge, bridgeView, createBridge } from '../call/bridge.ts'
import type { Channel } from '../call/channel.ts'
import { startBridgeMusic, stopMusic } from '../call/hold-music.ts'
import { createJobQueue } from '../call/job-queue.ts'
import { bridgeTarget } from '../call/playback.ts'
import { bridgeRecordTarget, recordingView, startRecording } from '../call/recording.ts'
import { playOn, recordOptions } from './channel-media-routes.ts'
import {
  type AriContext,
  AriError,
  type AriReply,
  type AriRequest,
  allocationFailed,
  flag,
  list,
  NO_CONTENT,
  ok,
  type Routes,
  text,
} from './route.ts'

function findBridge({ core }: AriContext, { params }: AriRequest): Bridge {
  const bridge = core.bridges.get(params.bridgeId ?? '')
  if (!bridge) throw new AriError(404, 'Bridge not found', 'Not found')
  return bridge
}

function create(context: AriContext, { params, args }: AriRequest): AriReply {
  const id = params.bridgeId ?? text(args, 'bridgeId')
  if (id !== undefined && context.core.bridges.has(id)) {
    throw params.bridgeId === undefined
      ? new AriError(500, `Unable to create bridge. Possible duplicate bridge id '${id}'`, 'Internal Error')
      : new AriError(409, `Bridge with id '${id}' already exists`)
  }
  return ok(bridgeView(createBridge(context.core, id ?? randomUUID(), text(args, 'name') ?? '')))
}

function channelsOf({ core }: AriContext, args: Record<string, unknown>): Channel[] {
  const ids = list(args, 'channel')
  if (ids.length === 0) throw new AriError(400, 'Missing parameter channel')
  return ids.map((id) => {
    const channel = core.channels.get(id)
    if (!channel || channel.ended) throw new AriError(400, 'Channel not found')
    if (channel.app === undefined) throw new AriError(422, 'Channel not in Stasis application')
    return channel
  })
}

function play(context: AriContext, request: AriRequest): AriReply {
  return playOn(context, request, bridgeTarget(findBridge(context, request)), allocationFailed())
}

export const bridgeRoutes: Routes = {
  'GET /bridges': ({ core }) => ok([...core.bridges.values()].map(bridgeView)),
  'POST /bridges': create,
  'POST /bridges/:bridgeId': create,
  'GET /bridges/:bridgeId': (context, request) => ok(bridgeView(findBridge(context, request))),
  'DELETE /bridges/:bridgeId': (context, request) => {
    findBridge(context, request).destroy()
    return NO_CONTENT
  },
  'POST /bridges/:bridgeId/addChannel': (context, request) => {
    const bridge = findBridge(context, request)
    const channels = channelsOf(context, request.args)
    for (const { id } of channels) {
      const busy = [...context.core.recordings.values()].some(({ targetUri }) => targetUri === `channel:${id}`)
      if (busy) throw new AriError(409, `Channel ${id} currently recording`)
    }
    const absorbDtmf = flag(request.args, 'absorbDTMF')
    for (const channel of channels) bridge.add(channel, absorbDtmf)
    return NO_CONTENT
  },
  'POST /bridges/:bridgeId/removeChannel': (context, request) => {
    const bridge = findBridge(context, request)
    const channels = channelsOf(context, request.args)
    if (channels.some((channel) => channel.bridge !== bridge)) throw new AriError(422, 'Channel not in this bridge')
    for (const channel of channels) bridge.remove(channel)
    return NO_CONTENT
  },
  'POST /bridges/:bridgeId/moh': (context, request) => {
    startBridgeMusic(context.core, findBridge(context, request))
    return NO_CONTENT
  },
  'DELETE /bridges/:bridgeId/moh': (context, request) => {
    if (!stopMusic(findBridge(context, request))) throw new AriError(409, "Bridge isn't playing music")
    return NO_CONTENT
  },
  'POST /bridges/:bridgeId/play': play,
  'POST /bridges/:bridgeId/play/:playbackId': play,
  'POST /bridges/:bridgeId/record': (context, request) => {
    const bridge = findBridge(context, request)
    const options = recordOptions(context, request.args)
    if (options.channels !== 1) throw new AriError(400, 'channels must be 1: a bridge may have more than two voices')
    const target = bridgeRecordTarget(bridge, createJobQueue())
    return { status: 201, body: recordingView(startRecording(context.core, target, options)) }
  },
}
