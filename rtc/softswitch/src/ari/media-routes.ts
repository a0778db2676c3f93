import { readdir, readFile, rm } from 'node:fs/promises'
import { isRecordingName, recordingPath } from '../call/media-source.ts'
import { type Playback, playbackView } from '../call/playback.ts'
import { type LiveRecording, recordingView } from '../call/recording.ts'
import {
  type AriContext,
  AriError,
  type AriReply,
  type AriRequest,
  NO_CONTENT,
  ok,
  type Routes,
  text,
} from './route.ts'

function findPlayback({ core }: AriContext, { params }: AriRequest): Playback {
  const playback = core.playbacks.get(params.playbackId ?? '')
  if (!playback) throw new AriError(404, 'Playback not found')
  return playback
}

function findLive({ core }: AriContext, { params }: AriRequest): LiveRecording {
  const recording = core.recordings.get(params.recordingName ?? '')
  if (!recording) throw new AriError(404, 'Recording not found')
  return recording
}

const live = (run: (recording: LiveRecording) => void) => (context: AriContext, request: AriRequest) => {
  run(findLive(context, request))
  return NO_CONTENT
}

const OPERATIONS = ['restart', 'pause', 'unpause', 'reverse', 'forward'] as const

/** What Asterisk lets be done in each state; what is there without an effect is done already. */
function control(playback: Playback, operation: (typeof OPERATIONS)[number]): AriReply {
  const { state } = playback
  const isMove = operation !== 'pause' && operation !== 'unpause'
  const isPossible =
    state === 'playing' || (state === 'paused' && !isMove) || (state === 'queued' && operation === 'restart')
  if (!isPossible) throw new AriError(409, `Can only ${operation} while media is playing`)
  if (isMove) playback.control(operation)
  else playback[operation]()
  return NO_CONTENT
}

const notFound = () => new AriError(404, 'Recording not found')

/** The file of a finished recording. */
function storedPath({ core }: AriContext, { params }: AriRequest): string {
  const name = params.recordingName ?? ''
  if (!isRecordingName(name) || core.recordings.has(name)) throw notFound()
  return recordingPath(core.recordingDir, name)
}

async function readStored(context: AriContext, request: AriRequest): Promise<Buffer> {
  return readFile(storedPath(context, request)).catch(() => {
    throw notFound()
  })
}

const stored = (name: string) => ({ name, format: 'wav' })

export const mediaRoutes: Routes = {
  'GET /playbacks/:playbackId': (context, request) => ok(playbackView(findPlayback(context, request))),
  'DELETE /playbacks/:playbackId': (context, request) => {
    findPlayback(context, request).stop()
    return NO_CONTENT
  },
  'POST /playbacks/:playbackId/control': (context, request) => {
    const operation = text(request.args, 'operation')
    if (operation === undefined) throw new AriError(400, 'Missing operation')
    const known = OPERATIONS.find((one) => one === operation)
    if (!known) throw new AriError(400, `Invalid operation ${operation}`)
    return control(findPlayback(context, request), known)
  },
  'GET /recordings/stored': async ({ core }) => {
    const files = await readdir(core.recordingDir)
    const names = files.filter((file) => file.endsWith('.wav')).map((file) => file.slice(0, -4))
    return ok(names.filter((name) => !core.recordings.has(name)).map(stored))
  },
  'GET /recordings/stored/:recordingName': async (context, request) => {
    await readStored(context, request)
    return ok(stored(request.params.recordingName!))
  },
  'GET /recordings/stored/:recordingName/file': async (context, request) => ({
    status: 200,
    file: await readStored(context, request),
    contentType: 'audio/wav',
  }),
  'DELETE /recordings/stored/:recordingName': async (context, request) => {
    const path = storedPath(context, request)
    await rm(path).catch(() => {
      throw notFound()
    })
    return NO_CONTENT
  },
  'GET /recordings/live/:recordingName': (context, request) => ok(recordingView(findLive(context, request))),
  'DELETE /recordings/live/:recordingName': live((recording) => recording.cancel()),
  'POST /recordings/live/:recordingName/stop': live((recording) => recording.stop()),
  'POST /recordings/live/:recordingName/pause': live((recording) => recording.pause(true)),
  'DELETE /recordings/live/:recordingName/pause': live((recording) => recording.pause(false)),
  'POST /recordings/live/:recordingName/mute': live((recording) => recording.mute(true)),
  'DELETE /recordings/live/:recordingName/mute': live((recording) => recording.mute(false)),
}
