import { ById } from '@sidetone/contract'
import { z } from 'zod'

/** What `GET /calls/{id}/media_stream` takes, a WebSocket: docs/media-stream.md. */
export const MediaStreamInput = ById.extend({ encapsulation: z.enum(['rtp', 'sln', 'audiosocket']).default('rtp') })
export type MediaEncapsulation = z.infer<typeof MediaStreamInput>['encapsulation']
