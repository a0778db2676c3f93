import { type Contract, eventsOf, externalOf } from '@sidetone/contract'
import { contracts } from '@sidetone/proto-schemas'
import { componentCollector, type JsonSchema } from './json-schema.ts'

/** The AsyncAPI 3.0 document of the events that customers hear of, by WebSocket and by webhook. */
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
      description: 'Frames of the WebSocket `/v1.0/ws` add `topic` and `cursor` to these bodies.',
    },
    channels: {
      websocket: { address: '/v1.0/ws', messages: references },
      webhook: {
        address: '{webhook_uri}',
        parameters: { webhook_uri: { description: 'The address that the customer has set.' } },
        messages: references,
      },
    },
    operations: {
      streamEvents: {
        action: 'send',
        channel: { $ref: '#/channels/websocket' },
        messages: channelReferences('websocket'),
      },
      postEvents: { action: 'send', channel: { $ref: '#/channels/webhook' }, messages: channelReferences('webhook') },
    },
    components: { messages, schemas: components },
  }
}
