import { join } from 'node:path'
import {
  type AudioSource,
  beepSource,
  type Clip,
  digitsSource,
  resampledSource,
  silenceSource,
  toneSource,
  wavSource,
} from '../media/index.ts'

/** Turns a media URI of ARI into sound; rejects when there is none. */
export type LoadMedia = (uri: string) => Promise<AudioSource>

// North American tones (ITU-T E.180 supplement 2), as in Asterisk's indications.conf for `us`.
const TONES = new Map<string, string>(
  Object.entries({
    dial: '350+440',
    busy: '480+620/500,0/500',
    ring: '440+480/2000,0/4000',
    congestion: '480+620/250,0/250',
    callwaiting: '440/300,0/10000',
    dialrecall: '!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440',
    record: '1400/500,0/15000',
    info: '!950/330,!1400/330,!1800/330,0',
    stutter:
      '!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440',
  }),
)

const RECORDING_NAME = /^(?!.*\.\.)[A-Za-z0-9_.+:@=-]{1,200}$/

/** A name that stays inside the recording folder. */
export const isRecordingName = (name: string): boolean => RECORDING_NAME.test(name)

export const recordingPath = (dir: string, name: string): string => join(dir, `${name}.wav`)

export function createMediaLoader(options: {
  recordingDir: string
  /** Audio behind a URL, within the limits for what customers may name. */
  web: { get(url: string): Promise<Clip> }
  onFailure(uri: string, error: Error): void
}): LoadMedia {
  return (uri) =>
    load(uri).catch((error: Error) => {
      options.onFailure(uri, error)
      throw error
    })

  async function load(uri: string): Promise<AudioSource> {
    const colon = uri.indexOf(':')
    const scheme = uri.slice(0, colon)
    const rest = uri.slice(colon + 1)
    switch (scheme) {
      case 'sound':
        return sound(rest)
      case 'tone': {
        const [spec = ''] = rest.split(';')
        return toneSource(TONES.get(spec.trim()) ?? spec)
      }
      case 'digits':
        return digitsSource(rest.toUpperCase())
      case 'recording':
        if (!isRecordingName(rest)) throw new Error(`recording name "${rest}" is invalid`)
        return wavSource(recordingPath(options.recordingDir, rest))
      default:
        throw new Error(`media "${uri}" is none of sound:, tone:, digits:, recording:`)
    }
  }

  async function sound(name: string): Promise<AudioSource> {
    if (/^https?:\/\//.test(name)) return resampledSource(await options.web.get(name))
    if (name === 'beep') return beepSource()
    const seconds = /^silence\/(\d{1,3})$/.exec(name)?.[1]
    if (seconds !== undefined) return silenceSource(Number(seconds) * 1000)
    throw new Error(`there is no sound "${name}"; built in are beep and silence/1 … silence/999`)
  }
}
