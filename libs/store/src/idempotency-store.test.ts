import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { suiteStore } from '../test/suite-store.ts'
import { createIdempotencyStore } from './index.ts'
import { testDatabases } from './testing.ts'

const databases = await testDatabases('the idempotency store')
/** Turns texts around, and notices one that is read in another place than it was written for. */
const secrets = {
  encrypt: (plain: string, context: string) => [...`${context} ${plain}`].reverse().join(''),
  decrypt(text: string, context: string) {
    const plain = [...text].reverse().join('')
    if (!plain.startsWith(`${context} `)) throw new Error('written for another place')
    return plain.slice(context.length + 1)
  },
}

describe.each(databases)('the idempotency store on $name', ({ create }) => {
  const suite = suiteStore(create)

  test('a request is new once, running while its lease lasts, then done, and never another one', async () => {
    const memory = createIdempotencyStore(suite.store, { leaseMs: 60_000, keepMs: 60_000, secrets })
    const reply = { status_code: 200, data_type: 'application/json', data: { é: [1] } }
    const states = await Promise.all(Array.from({ length: 5 }, () => memory.begin('k', 'hash')))
    expect(states.map(({ state }) => state).toSorted()).toEqual(['new', 'running', 'running', 'running', 'running'])
    expect(await memory.begin('k', 'other')).toEqual({ state: 'mismatch' })
    await memory.finish('k', reply)
    const { reply: kept } = await suite.store.kysely
      .selectFrom('bus_idempotency')
      .select('reply')
      .executeTakeFirstOrThrow()
    expect(kept).not.toContain('application/json')
    expect(await memory.begin('k', 'hash')).toEqual({ state: 'done', reply })
    expect(await memory.begin('k', 'other')).toEqual({ state: 'mismatch' })
    await memory.abandon('k')
    expect(await memory.begin('k', 'hash')).toEqual({ state: 'done', reply })
    await memory.begin('given up', 'hash')
    await memory.abandon('given up')
    expect(await memory.begin('given up', 'hash')).toEqual({ state: 'new' })
  })

  test('a request whose attempt died is lost until it is forgotten', async () => {
    const dying = createIdempotencyStore(suite.store, { leaseMs: -1, keepMs: 60_000, secrets })
    await dying.begin('dying', 'hash')
    expect(await dying.begin('dying', 'hash')).toEqual({ state: 'lost' })
    await dying.prune()
    expect(await dying.begin('dying', 'hash')).toEqual({ state: 'lost' })
    const forgetful = createIdempotencyStore(suite.store, { leaseMs: 60_000, keepMs: -1_000, secrets })
    await forgetful.prune()
    expect(await dying.begin('dying', 'hash')).toEqual({ state: 'new' })
    const expired = createIdempotencyStore(suite.store, { leaseMs: 60_000, keepMs: 0, secrets })
    await sleep(2)
    expect(await expired.begin('dying', 'other')).toEqual({ state: 'new' })
  })
})
