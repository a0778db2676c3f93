import type { Channel } from './channel.ts'
import type { Core } from './core.ts'
import { setTalkDetect } from './talk-detect.ts'
import { setToneDetect, toneDetectCount } from './tone-detect.ts'

interface ChannelFunction {
  set(core: Core, channel: Channel, argument: string, value: string): void
  /** Undefined when there is nothing to read. */
  get(channel: Channel, argument: string): string | undefined
}

const unreadable = () => undefined

const volumes = new WeakMap<Channel, { RX: number; TX: number }>()

/** RX is what the phone says, TX what it hears; an option after a comma is of no concern. */
const directionOf = (argument: string) => /^(RX|TX)\b/.exec(argument)?.[1] as 'RX' | 'TX' | undefined

/** Asterisk's VOLUME: multiplies by a positive number, divides by a negative one, 0 is as it was. */
const volume: ChannelFunction = {
  set(_core, channel, argument, value) {
    const direction = directionOf(argument)
    const number = Number.parseFloat(value)
    if (!direction || Number.isNaN(number)) return
    volumes.set(channel, { RX: 0, TX: 0, ...volumes.get(channel), [direction]: number })
    const factor = number > 0 ? number : number < 0 ? -1 / number : 1
    channel.media.setGain(direction === 'RX' ? 'in' : 'out', factor)
  },
  get(channel, argument) {
    const direction = directionOf(argument)
    const set = volumes.get(channel)
    return direction && set ? set[direction].toFixed(6) : ''
  },
}

/** The dialplan functions that do something to a channel's audio, by name. */
const functions = new Map<string, ChannelFunction>([
  [
    'TALK_DETECT',
    {
      set(core, channel, argument, value) {
        if (argument === 'set' || argument === 'remove') setTalkDetect(core, channel, argument, value)
      },
      get: unreadable,
    },
  ],
  ['VOLUME', volume],
  ['TONE_DETECT', { set: (core, channel, argument) => setToneDetect(core, channel, argument), get: toneDetectCount }],
])

/** `NAME(argument)` of a function of the above; undefined for any other variable. */
export function channelFunction(variable: string): (ChannelFunction & { argument: string }) | undefined {
  const [, name = '', argument = ''] = /^([A-Z_]+)\((.*)\)$/.exec(variable.trim()) ?? []
  const found = functions.get(name)
  return found && { ...found, argument }
}
