import { type Contract, eventsOf, externalOf } from '@sidetone/contract'
import { contracts } from '@sidetone/proto-schemas'
import { MediaStreamInput } from '@sidetone/proto-schemas/media-stream'
import { z } from 'zod'
import { componentCollector, type JsonSchema } from './json-schema.ts'

/** The AsyncAPI 3.0 document of what customers hear by WebSocket and by webhook: events, and the sound of calls. */
export function asyncapi(): JsonSchema {
  const { components, schemaOf } = componentCollector()
  const events = (contracts as readonly Contract[])
    .flatMap((contract) => eventsOf(contract))
    .filter(({ definition }) => !definition.internal)
  const messages = Object.fromEntries(
    events.map(({ type, resource, definition }) => [
      type,
      {
        name: type,
        summary: definition.summary,
        payload: {
          type: 'object',
          required: ['id', 'type', 'time', 'customer_id', 'resource', 'resource_id', 'sequence', 'data'],
          properties: {
            id: { type: 'string', format: 'uuid', description: 'The same on every delivery of this event.' },
            type: { const: type },
            time: { type: 'string', format: 'date-time' },
            customer_id: { type: 'string', format: 'uuid' },
            resource: { const: resource },
            resource_id: { type: 'string', format: 'uuid' },
            sequence: { type: 'integer', description: 'Counts the events of this resource from 1, without gaps.' },
            data: schemaOf(externalOf(definition.data), 'output'),
          },
        },
      },
    ]),
  )
  const references = Object.fromEntries(events.map(({ type }) => [type, { $ref: `#/components/messages/${type}` }]))
  const channelReferences = (channel: string) =>
    events.map(({ type }) => ({ $ref: `#/channels/${channel}/messages/${type}` }))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Sidetone events',
      version: '1.0',
      description:
        'Frames of the WebSocket `/v1.0/ws` add `topic` and `cursor` to the bodies of events. A media stream is sound both ways.',
    },
    channels: {
      websocket: { address: '/v1.0/ws', messages: references },
      webhook: {
        address: '{webhook_uri}',
        parameters: { webhook_uri: { description: 'The address that the customer has set.' } },
        messages: references,
      },
      mediaStream,
    },
    operations: {
      streamEvents: {
        action: 'send',
        channel: { $ref: '#/channels/websocket' },
        messages: channelReferences('websocket'),
      },
      ...mediaStreamOperations,
      postEvents: { action: 'send', channel: { $ref: '#/channels/webhook' }, messages: channelReferences('webhook') },
    },
    components: { messages, schemas: components },
  }
}

const mediaStream: JsonSchema = {
  address: '/v1.0/calls/{id}/media_stream',
  description: 'Hear a call and speak into it. Binary frames both ways; text frames are ignored.',
  parameters: { id: { description: 'The call; it must have been answered.' } },
  bindings: {
    ws: {
      method: 'GET',
      query: {
        type: 'object',
        properties: { encapsulation: z.toJSONSchema(MediaStreamInput.shape.encapsulation, { io: 'input' }) },
      },
    },
  },
  messages: {
    audio: {
      name: 'audio',
      summary: '16-bit signed little-endian PCM, 8000 Hz, mono; 20 ms (320 bytes) in what is sent.',
      description:
        '`sln`: as it is. `audiosocket`: after 0x10 and the length in two bytes. `rtp`: after a header of 12 bytes with payload type 96, SSRC 0, a sequence from 1 and a timestamp that counts bytes.',
      contentType: 'application/octet-stream',
      payload: { type: 'string', format: 'binary' },
    },
  },
}

const aboutAudio = {
  channel: { $ref: '#/channels/mediaStream' },
  messages: [{ $ref: '#/channels/mediaStream/messages/audio' }],
}
const mediaStreamOperations = {
  hearCall: { action: 'send', ...aboutAudio },
  speakIntoCall: { action: 'receive', ...aboutAudio },
}
