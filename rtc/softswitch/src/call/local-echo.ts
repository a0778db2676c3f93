import { type Channel, createChannel, setState } from './channel.ts'
import type { Core } from './core.ts'
import { emitDial } from './dial-event.ts'
import type { OriginateOptions } from './originate.ts'
import { createVirtualMedia } from './virtual-media.ts'

export const ECHO_DIAL_STRING = 'echo@svc-echo'

/** A channel that answers by itself and says what it hears. */
export function createEcho(core: Core, options: OriginateOptions): Channel {
  const media = createVirtualMedia(core.media.clock, { onSaid: (said) => said && media.hear(said) })
  const channel = createChannel(core, {
    id: options.id,
    name: `${core.nextChannelName(`Local/${ECHO_DIAL_STRING}`)};1`,
    endpoint: ECHO_DIAL_STRING,
    state: 'Down',
    media,
    variables: options.variables,
  })
  channel.caller = options.caller
  // As Asterisk's Echo, it gives digits back too.
  media.sendDtmf = async (digits, { durationMs = 100 } = {}) => {
    for (const digit of digits) media.emit('dtmf', digit, durationMs)
  }
  channel.tech.dial = () => {
    emitDial(core, channel, ECHO_DIAL_STRING, '')
    setState(core, channel, 'Up')
    emitDial(core, channel, ECHO_DIAL_STRING, 'ANSWER')
    options.onAnswered(channel)
  }
  return channel
}
