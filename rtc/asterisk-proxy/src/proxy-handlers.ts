import { commonError, type Handlers } from '@sidetone/contract'
import type { Files } from '@sidetone/files'
import type { asteriskContract } from '@sidetone/proto-schemas/asterisk'
import type { Logger } from 'pino'
import type { AriReply, AriRequest } from './ari-socket.ts'
import type { carrierEndpoints } from './carrier-endpoints.ts'
import { storeRecording } from './store-recording.ts'
import { storeSides } from './store-sides.ts'

interface HandlerParts {
  asteriskId: string
  ariUrl: string
  authorization: string
  request: (request: AriRequest) => Promise<AriReply>
  files: Files
  carriers: ReturnType<typeof carrierEndpoints>
  log: Logger
}

/** What managers may ask of the node. */
export function proxyHandlers({ asteriskId, log, ...parts }: HandlerParts): Handlers<typeof asteriskContract> {
  return {
    ari: {
      async request(input, { deadline }) {
        try {
          await parts.carriers.prepare(input, deadline)
          return { asterisk_id: asteriskId, ...(await parts.request(input)) }
        } catch (cause) {
          log.warn({ err: cause, asterisk_id: asteriskId, path: input.path }, 'a request to the RTC node failed')
          throw commonError('SERVICE_UNAVAILABLE', { message: 'The RTC node cannot be reached.', cause })
        }
      },
      async store_recording(input, { fail }) {
        const stored = await (input.sides ? storeSides(parts, input, input.sides) : storeRecording(parts, input))
        if (!stored) throw fail('ARI_REQUEST_FAILED', { message: 'The RTC node has no such recording.' })
        return stored
      },
    },
  }
}
