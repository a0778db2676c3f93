import { nilId } from '@sidetone/contract'
import type { ActionOption } from '@sidetone/proto-schemas/action'
import { newId } from '@sidetone/store'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'

type Options = ActionOption<'external_media_start'>

const maxMedias = 5

/** Of one external media: a channel that hears and speaks for the call, one to the host outside, and the bridge of both. */
const partsOf = (call_id: string, id: string) => ({
  snoop: `media-snoop-${call_id}-${id}`,
  external: `media-host-${call_id}-${id}`,
  bridge: `media-bridge-${call_id}-${id}`,
})

export function parseMediaChannelId(text: string): { call_id: string; id: string } | undefined {
  const [, call_id, id] = /^media-(?:snoop|host)-([0-9a-f-]{36})-([0-9a-f-]{36})$/.exec(text) ?? []
  return call_id && id ? { call_id, id } : undefined
}

/** The call cannot have one more. */
export class ExternalMediaRefused extends Error {
  override readonly name = 'ExternalMediaRefused'
}

/** Gives a host the audio of an answered call and, if asked, lets it speak. Throws when it cannot be. */
export async function startExternalMedia(core: Core, call: CallRow, options: Options): Promise<string> {
  const id = newId()
  const changed = await core.change(call.id, (row) =>
    row.status === 'progressing' && (row.external_media_ids ?? []).length < maxMedias
      ? { call: { ...row, external_media_ids: [...(row.external_media_ids ?? []), id] } }
      : undefined,
  )
  if (!changed)
    throw new ExternalMediaRefused(`That takes an answered call, which may have ${maxMedias} external medias at most.`)
  const { snoop, external, bridge } = partsOf(call.id, id)
  const ari = core.ari(call.asterisk_id)
  const { direction_listen, direction, direction_speak } = options
  try {
    await ari.createBridge(bridge)
    // Asterisk mixes what is whispered into what it sends, so it must send something.
    if (direction_speak) await ari.switchOn(call.channel_id, 'silence')
    await ari.snoop(call.channel_id, snoop, {
      spy: direction_listen || direction || 'both',
      whisper: direction_speak || 'none',
    })
    await ari.externalMedia(external, options)
  } catch (error) {
    await stopExternalMedia(core, call, [id])
    throw error
  }
  return id
}

/** What a customer names as `host:port`, with the address of the host, which must not be one of ours; or as `wss:` URL. */
export async function outsideHost(core: Core, text: string): Promise<string> {
  const url = /^wss?:/.test(text) ? URL.parse(text) : null
  if (url) {
    await core.outbound.addressOf(url.hostname)
    return text
  }
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text) ?? []
  // Asterisk knows others by names in its configuration.
  if (!host) return text
  const address = await core.outbound.addressOf(host)
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** One of its channels is there: it joins the other. */
export async function onMediaChannelReady(core: Core, asteriskId: string, channelId: string): Promise<void> {
  const { call_id = nilId, id = nilId } = parseMediaChannelId(channelId) ?? {}
  await core.ari(asteriskId).join(partsOf(call_id, id).bridge, [channelId])
}

/** Takes external medias away, all by default. May be repeated. */
export async function stopExternalMedia(
  core: Core,
  { id: call_id, asterisk_id, channel_id, external_media_ids }: CallRow,
  ids: string[] = external_media_ids ?? [],
): Promise<void> {
  if (ids.length === 0) return
  const ari = core.ari(asterisk_id)
  for (const id of ids) {
    const { snoop, external, bridge } = partsOf(call_id, id)
    await ari.destroyBridge(bridge)
    await ari.hangUp(external, 16)
    await ari.hangUp(snoop, 16)
  }
  await ari.switchOff(channel_id, 'silence')
  await core.change(call_id, (row) => {
    const left = (row.external_media_ids ?? []).filter((id) => !ids.includes(id))
    return left.length === (row.external_media_ids ?? []).length
      ? undefined
      : { call: { ...row, external_media_ids: left } }
  })
}
