import { expect, test } from 'vitest'
import { createRabbitTransport } from '../src/index.ts'
import { silent } from './parts.ts'

test('a broker that is not there is named together with the setting', async () => {
  const url = 'amqp://user:secret@127.0.0.1:1'
  const failed = createRabbitTransport({ url, name: 'test', log: silent })
  const error = (await failed.catch((error: unknown) => error)) as Error
  expect(error.message).toContain(
    'RabbitMQ at 127.0.0.1:1 is not reachable, or refuses this user or vhost (RABBITMQ_URL)',
  )
  expect(error.message).not.toContain('secret')
})
