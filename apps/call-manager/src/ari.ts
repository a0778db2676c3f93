import type { Client } from '@sidetone/contract'
import { commonError, internalIdentity } from '@sidetone/contract'
import type { ActionOption } from '@sidetone/proto-schemas/action'
import type { asteriskContract } from '@sidetone/proto-schemas/asterisk'

/** A channel as the node lists it. */
export interface Channel {
  id: string
  state: string
  creationtime: string
  dialplan: { app_name?: string; app_data?: string }
}

interface Originate {
  channelId: string
  endpoint: string
  callerId?: string | undefined
  /** The codecs to offer, best first: `alaw,ulaw`. */
  formats?: string | undefined
  variables?: Record<string, string>
  timeoutSeconds: number
}

const newChannel = ({ channelId, endpoint, callerId, formats }: Omit<Originate, 'variables' | 'timeoutSeconds'>) => ({
  ...{ endpoint, app: stasisApp, channelId },
  ...(callerId && { callerId }),
  ...(formats && { formats }),
})

type ExternalMedia = Omit<ActionOption<'external_media_start'>, 'direction' | 'direction_listen' | 'direction_speak'>

export type MuteDirection = 'both' | 'in' | 'out'

/** What we ask of one RTC node. What no longer exists there is no failure: a call may end at any time. */
export interface Ari {
  answer(channelId: string): Promise<void>
  ring(channelId: string): Promise<void>
  play(channelId: string, playbackId: string, media: string): Promise<void>
  /** Milliseconds: how long each digit is, and between two. */
  sendDigits(channelId: string, how: { digits: string; duration: number; interval: number }): Promise<void>
  stopPlayback(playbackId: string): Promise<void>
  playbackExists(playbackId: string): Promise<boolean>
  switchOn(channelId: string, what: 'hold' | 'moh' | 'silence'): Promise<void>
  switchOff(channelId: string, what: 'hold' | 'moh' | 'silence'): Promise<void>
  /** Tells the phone how the transfer goes that it asked for. */
  tellTransfer(channelId: string, state: string): Promise<void>
  mute(channelId: string, direction: MuteDirection): Promise<void>
  unmute(channelId: string, direction: MuteDirection): Promise<void>
  /** False when there is no such channel. */
  hangUp(channelId: string, cause: number): Promise<boolean>
  /** Answers with the id of the node that dials. */
  originate(options: Originate): Promise<string>
  /** The same, for a channel that can be joined with others before it is answered. */
  originateEarly(options: Originate): Promise<string>
  /** Opens the way for audio on a call that is not answered. */
  progress(channelId: string): Promise<void>
  setVariable(channelId: string, variable: string, value: string): Promise<void>
  /** A bridge that exists stays as it is. */
  createBridge(bridgeId: string): Promise<void>
  join(bridgeId: string, channelIds: string[]): Promise<void>
  destroyBridge(bridgeId: string): Promise<void>
  /** Makes a channel that hears another, and may speak to its phone. One that exists stays as it is. */
  snoop(channelId: string, snoopId: string, how: { spy: string; whisper: string }): Promise<void>
  /** Makes a channel to a host outside; the options are those of the action. */
  externalMedia(channelId: string, options: ExternalMedia): Promise<void>
  record(
    channelId: string,
    name: string,
    options: { maxDurationSeconds: number; maxSilenceSeconds: number; channels: number },
  ): Promise<void>
  /** How many sides of a call a recording can keep apart. */
  recordChannels(): Promise<number>
  pauseRecording(name: string, paused: boolean): Promise<void>
  /** False when nothing is recorded under that name. */
  stopRecording(name: string): Promise<boolean>
  /** Ends a recording, if need be, and deletes it. */
  discardRecording(name: string): Promise<void>
  channels(): Promise<Channel[]>
  /** With `sides` the file is made of these two recordings, left and right. */
  storeRecording(
    name: string,
    key: string,
    sides: [string, string] | undefined,
  ): Promise<{ filesize: number; sha256: string }>
}

/** The Stasis application that all channels of the platform are in. */
export const stasisApp = 'sidetone'

/** What a phone's REFER leads to is for us to decide, not for the dialplan; calls that come in have it from there. */
const transfersAreOurs = { 'PJSIP_TRANSFER_HANDLING()': 'ari-only' }

/** The node refused: `status` is HTTP's. */
export class AriRefused extends Error {
  override readonly name = 'AriRefused'
  readonly status: number

  constructor(request: string, status: number, body: unknown) {
    super(`${request}: ${status} ${(body as { message?: string } | null)?.message ?? ''}`)
    this.status = status
  }
}

/** False for a refusal that is none; other errors stay errors. */
const refusedAs =
  (status: number) =>
  (error: unknown): false => {
    if (error instanceof AriRefused && error.status === status) return false
    throw error
  }

type Query = Record<string, string | number | boolean>

/** The typed way to one node, or to any node when the client is that of the shared queue. */
export function ariOf(client: Client<typeof asteriskContract>): Ari {
  const identity = internalIdentity()

  async function request(method: 'GET' | 'POST' | 'DELETE', path: string, query: Query = {}, body?: unknown) {
    const reply = await client.ari.request({ method, path, query, body }, { identity })
    if (reply.status >= 400) throw new AriRefused(`${method} ${path}`, reply.status, reply.body)
    return reply
  }

  /** False when it does not exist (any more). */
  const tolerant = (...parameters: Parameters<typeof request>): Promise<boolean> =>
    request(...parameters).then(() => true, refusedAs(404))
  const post = async (path: string, query: Query = {}, body?: unknown): Promise<void> => {
    await request('POST', path, query, body)
  }
  const gone = async (path: string, query: Query = {}): Promise<void> => {
    await tolerant('DELETE', path, query)
  }

  return {
    answer: (channelId) => post(`channels/${channelId}/answer`),
    ring: (channelId) => post(`channels/${channelId}/ring`),
    play: (channelId, playbackId, media) => post(`channels/${channelId}/play/${playbackId}`, {}, { media: [media] }),
    sendDigits: (channelId, { digits, duration, interval }) =>
      post(`channels/${channelId}/dtmf`, { dtmf: digits, duration, between: interval }),
    stopPlayback: (playbackId) => gone(`playbacks/${playbackId}`),
    playbackExists: (playbackId) => tolerant('GET', `playbacks/${playbackId}`),
    switchOn: (channelId, what) => post(`channels/${channelId}/${what}`),
    switchOff: (channelId, what) => gone(`channels/${channelId}/${what}`),
    async tellTransfer(channelId, states) {
      await tolerant('POST', `channels/${channelId}/transfer_progress`, { states })
    },
    mute: (channelId, direction) => post(`channels/${channelId}/mute`, { direction }),
    unmute: (channelId, direction) => gone(`channels/${channelId}/mute`, { direction }),
    hangUp: (channelId, cause) => tolerant('DELETE', `channels/${channelId}`, { reason_code: cause }),
    async originate({ timeoutSeconds, variables = {}, ...channel }) {
      const query = { ...newChannel(channel), timeout: timeoutSeconds }
      return (await request('POST', 'channels', query, { variables: { ...transfersAreOurs, ...variables } }))
        .asterisk_id
    },
    async originateEarly({ timeoutSeconds, variables = {}, ...channel }) {
      const { channelId, callerId } = channel
      const query = newChannel(channel)
      // Asterisk takes the caller of such a channel by these functions alone.
      const caller = callerId ? { 'CALLERID(all)': callerId, 'CONNECTEDLINE(all,i)': callerId } : {}
      const { asterisk_id } = await request('POST', 'channels/create', query, {
        variables: { ...caller, ...transfersAreOurs, ...variables },
      })
      await request('POST', `channels/${channelId}/dial`, { timeout: timeoutSeconds })
      return asterisk_id
    },
    setVariable: (channelId, variable, value) => post(`channels/${channelId}/variable`, { variable, value }),
    progress: (channelId) => post(`channels/${channelId}/progress`),
    async createBridge(bridgeId) {
      await request('POST', `bridges/${bridgeId}`, { type: 'mixing' }).catch(refusedAs(409))
    },
    join: (bridgeId, channelIds) => post(`bridges/${bridgeId}/addChannel`, { channel: channelIds.join(',') }),
    destroyBridge: (bridgeId) => gone(`bridges/${bridgeId}`),
    async snoop(channelId, snoopId, how) {
      await post(`channels/${channelId}/snoop/${snoopId}`, { app: stasisApp, ...how }).catch(async (error) => {
        // Asterisk's 500 does not say why.
        if (!(await tolerant('GET', `channels/${snoopId}`))) throw error
      })
    },
    externalMedia(
      channelId,
      { external_host, encapsulation, transport, transport_data, connection_type, format, data },
    ) {
      const given = { ...(data && { data }), ...(transport_data && { transport_data }) }
      const query = { external_host, encapsulation, transport, connection_type, format, direction: 'both', ...given }
      return post('channels/externalMedia', { channelId, app: stasisApp, ...query })
    },
    record: (channelId, name, limits) =>
      post(`channels/${channelId}/record`, { name, format: 'wav', ifExists: 'overwrite', ...limits }),
    async recordChannels() {
      const { body } = await request('GET', 'asterisk/info', { only: 'config' })
      // Asterisk, which has one, does not say.
      return (body as { config: { record_channels?: number } }).config.record_channels ?? 1
    },
    async pauseRecording(name, paused) {
      await tolerant(paused ? 'POST' : 'DELETE', `recordings/live/${name}/pause`)
    },
    stopRecording: (name) => tolerant('POST', `recordings/live/${name}/stop`),
    async discardRecording(name) {
      await gone(`recordings/live/${name}`)
      await gone(`recordings/stored/${name}`)
    },
    async channels() {
      return (await request('GET', 'channels')).body as Channel[]
    },
    storeRecording: (name, key, sides) =>
      client.ari.store_recording({ name, key, ...(sides && { sides }) }, { identity }),
  }
}

/** Nobody is there to be asked: the node, or the way to it, is down. */
export const isUnavailable = (error: unknown): boolean =>
  (error as { reason?: string } | null)?.reason === commonError('SERVICE_UNAVAILABLE').reason
