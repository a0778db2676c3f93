import type { EventEmitter } from 'node:events'
import type { MediaSecurity, RemoteSecurity } from '../webrtc/secure-media.ts'

/**
 * 20 ms of 16-bit linear PCM, mono. The one unit in which audio moves inside the softswitch: 160 samples (8 kHz), or, where
 * both sides ask for it, 320 (16 kHz); its length tells. Whoever hands out a frame uses its memory again in the next tick: copy what you keep, and never write to it.
 */
export type Frame = Int16Array

export type CodecName = 'PCMU' | 'PCMA' | 'G722' | 'opus'

/** Where and how a peer wants its RTP, as negotiated by SDP. */
export interface RemoteMedia {
  /** An IP address; nothing is sent to the unspecified one, or to port 0. */
  address: string
  port: number
  codec: CodecName
  /** The number the peer gave the codec; absent: the one it has in RFC 3551, or in our offers. */
  payloadType?: number | undefined
  /** Payload type of `telephone-event` (RFC 4733); absent when the peer did not offer it. */
  telephoneEventPt?: number | undefined
  /** Its clock rate; absent: 8000. */
  telephoneEventHz?: number | undefined
  /** Its RTCP goes to the port of its RTP (RFC 5761). */
  rtcpMux?: boolean | undefined
  /** Where else its RTCP goes; absent: to the port after that of its RTP. */
  rtcpPort?: number | undefined
  /** It holds us: nothing is sent (RFC 3264 §8.4). */
  onHold?: boolean | undefined
  /** Then ICE finds the address; the session must be `secure`. */
  security?: RemoteSecurity | undefined
}

/** Something that yields audio frame by frame; `null` means it has ended. Called from the 20 ms clock, so it never waits. */
export interface AudioSource {
  next(): Frame | null
  /** Goes on so much later, or earlier; beyond an end means at that end. Absent where there is no other place to be. */
  skip?(ms: number): void
  /** Released once, when the source ended or was stopped. */
  close?(): void
}

/** Something that takes audio frame by frame. */
export interface AudioSink {
  /** Takes frames as they are, of 160 or 320 samples; absent: they are brought to 8 kHz before. */
  takesWide?: boolean
  write(frame: Frame): void
}

export interface RecorderOptions {
  path: string
  maxDurationMs?: number | undefined
  /** Ends the recording after this much silence. */
  maxSilenceMs?: number | undefined
  /** 2 keeps two voices apart, the first on the left. */
  channels?: 1 | 2 | undefined
}

export interface RecorderResult {
  path: string
  durationMs: number
  /** Time that held anything but silence. */
  talkingMs: number
  sizeBytes: number
}

export interface MediaStats {
  packetsSent: number
  packetsReceived: number
  packetsLost: number
  packetsReordered: number
  packetsMalformed: number
  /** Dropped because they came from elsewhere than this call's peer. */
  packetsForeign: number
}

/** A value over the time of a call. */
export interface Spread {
  last: number
  least: number
  most: number
  mean: number
  deviation: number
}

/** What RTP and RTCP say about a call so far; `said` by the reports of the peer, zeros where it sends none. */
export interface RtpQuality {
  heard: { ssrc: number; packets: number; bytes: number; lost: number; jitterMs: Spread; lossShare: Spread }
  said: { ssrc: number; packets: number; bytes: number; lost: number; jitterMs: Spread; lossShare: Spread }
  roundTripMs: Spread
}

/**
 * What takes part in the 20 ms clock. Each tick runs `hear` of all, then `mix` of all, then `speak` of all, so that audio
 * crosses a bridge within its tick, and a little later, as exactly as can be, `send` of all. `skip` is true for ticks made up
 * after a stall, in which nothing is to be sent.
 */
export interface ClockListener {
  hear?(): void
  mix?(): void
  speak?(skip: boolean): void
  send?(): void
}

export interface MediaClock {
  add(listener: ClockListener): void
  remove(listener: ClockListener): void
}

/**
 * One playing source. `done` resolves with `true` when it ended by itself, `false` when stopped or replaced, and rejects
 * with what the source threw.
 */
export interface Playing {
  done: Promise<boolean>
  stop(): void
  pause(): void
  resume(): void
  /** Goes on so many milliseconds later, or earlier; no effect on what has no place in time. */
  skip(ms: number): void
}

/**
 * One RTP stream pair (RFC 3550) on its own even UDP port.
 *
 * Sends a packet every 20 ms while it has something to say: a playing source, else what `feed` was given by a bridge.
 * What it receives goes, decoded and paced, to each sink. Never throws on what arrives from the network.
 *
 * Events: `dtmf` (digit: string, durationMs: number), `timeout` when nothing has arrived for `timeoutMs`.
 */
export interface MediaSession extends EventEmitter<{ dtmf: [string, number]; timeout: [] }> {
  readonly localPort: number
  readonly clock: MediaClock
  setRemote(remote: RemoteMedia): void
  /** What an SDP says that offers ICE and DTLS-SRTP (WebRTC); they are used once `setRemote` brings the peer's. */
  secure(): MediaSecurity
  /** Present once `secure` was called. */
  readonly security: MediaSecurity | undefined
  /** Plays one source, instead of the one that plays now. */
  play(source: AudioSource): Playing
  /** Plays one source while nothing else is played: over what a bridge says. */
  playBehind(source: AudioSource): Playing
  /** Audio from a bridge, at either rate; used in ticks in which nothing plays. */
  feed(frame: Frame): void
  /**
   * Audio of somebody else at 8 kHz: with `out` the peer hears it beside all else that is said, with `in` it is heard as if the
   * peer had said it. Who listens in hears neither, as on Asterisk.
   */
  whisper(frame: Frame, direction: 'in' | 'out'): void
  /** Multiplies what is heard, or what the peer hears. */
  setGain(direction: 'in' | 'out', factor: number): void
  /** What the peer itself says, for who listens in: without whispers, gain and mute. */
  addPeerSink(sink: AudioSink): void
  removePeerSink(sink: AudioSink): void
  /** What this session hears (from the peer): one frame per tick, silence where nothing arrived. */
  addSink(sink: AudioSink): void
  removeSink(sink: AudioSink): void
  /** What this session says (to the peer): one frame per tick, silence where nothing is said. */
  addSpeechSink(sink: AudioSink): void
  removeSpeechSink(sink: AudioSink): void
  /** Sends digits as RFC 4733 events, or as tones to a peer without them; resolves when the last one is out or the session closed. */
  sendDtmf(digits: string, options?: { durationMs?: number; gapMs?: number }): Promise<void>
  mute(direction: 'in' | 'out' | 'both', on: boolean): void
  /** Also sends packets while there is nothing to say. */
  sendSilence(on: boolean): void
  readonly stats: MediaStats
  /** `null` for what has no network. */
  quality(): RtpQuality | null
  close(): void
}
