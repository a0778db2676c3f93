import type { RtpQuality, Spread } from '../media/types.ts'
import { type Channel, emitChannel } from './channel.ts'
import type { Core } from './core.ts'

const seconds = (ms: number): number => ms / 1000

const spread = (prefix: string, name: string, values: Spread, scale: (value: number) => number = (value) => value) => ({
  [`${prefix}max${name}`]: scale(values.most),
  [`${prefix}min${name}`]: scale(values.least),
  [`${prefix}normdev${name}`]: scale(values.mean),
  [`${prefix}stdev${name}`]: scale(values.deviation),
})

/**
 * As Asterisk shows it, in seconds and packets. Its names take the side of the reports: `txjitter` is that of what we hear, as
 * we report it, `rxjitter` that of what the peer hears.
 */
export const rtpStatistics = (channel: Channel, { heard, said, roundTripMs }: RtpQuality) => ({
  txcount: said.packets,
  rxcount: heard.packets,
  txploss: said.lost,
  rxploss: heard.lost,
  local_ssrc: said.ssrc,
  remote_ssrc: heard.ssrc,
  txoctetcount: said.bytes,
  rxoctetcount: heard.bytes,
  channel_uniqueid: channel.id,
  txjitter: seconds(heard.jitterMs.last),
  rxjitter: seconds(said.jitterMs.last),
  ...spread('remote_', 'jitter', said.jitterMs, seconds),
  ...spread('local_', 'jitter', heard.jitterMs, seconds),
  ...spread('remote_', 'rxploss', said.lossShare),
  ...spread('local_', 'rxploss', heard.lossShare),
  rtt: seconds(roundTripMs.last),
  ...spread('', 'rtt', roundTripMs, seconds),
})

/** What Asterisk, too, tells at the end of a channel, in its variable RTPAUDIOQOS. */
export function tellQuality(core: Core, channel: Channel): void {
  const quality = channel.media.quality()
  if (!quality || quality.heard.packets + quality.said.packets === 0) return
  const { heard, said, roundTripMs } = quality
  const fixed = (ms: number) => seconds(ms).toFixed(6)
  const value = [
    ...[`ssrc=${said.ssrc}`, `themssrc=${heard.ssrc}`, `lp=${heard.lost}`, `rxjitter=${fixed(said.jitterMs.last)}`],
    ...[`rxcount=${heard.packets}`, `txjitter=${fixed(heard.jitterMs.last)}`, `txcount=${said.packets}`],
    ...[`rlp=${said.lost}`, `rtt=${fixed(roundTripMs.last)}`],
  ].join(';')
  channel.variables.set('RTPAUDIOQOS', value)
  emitChannel(core, 'ChannelVarset', channel, { variable: 'RTPAUDIOQOS', value })
}
