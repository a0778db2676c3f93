import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once as occurrence } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { EventEnvelope, nilId } from '@sidetone/contract'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { migrated, quiet, Thing, thingContract, thingOf } from '../test/thing.ts'
import { createEmitter, openStore, type Relay, resourceTable, type Store, startRelay } from './index.ts'
import { serverLockName } from './lock.ts'
import { type TestDatabase, testDatabases } from './testing.ts'

const databases = await testDatabases('events')
const things = resourceTable(Thing, 'thing_thing')
const emit = createEmitter(thingContract)

describe.each(databases)('events on $name', ({ name, create }) => {
  let database: TestDatabase
  let store: Store
  let relays: Relay[] = []
  beforeAll(async () => {
    database = await create()
    store = await migrated(database.open())
  })
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.close({ drainMs: 0 })))
    relays = []
    await store.kysely.deleteFrom('bus_outbox').execute()
  })
  afterAll(async () => {
    await store.close()
    await database.drop()
  })

  const customer = randomUUID()
  const relayTo = (
    publish: (event: EventEnvelope) => Promise<void>,
    options: { store?: Store; publisher?: string; window?: number } = {},
  ) => {
    const relay = startRelay({ store, log: quiet, publish, ...options })
    relays.push(relay)
    return relay
  }
  const made = () =>
    store.transaction(async (tx) => {
      const thing = await things.insert(tx, thingOf(customer))
      await emit(tx, 'thing', 'created', thing)
      return thing
    })
  const changed = (thing: Thing) => store.transaction((tx) => emit(tx, 'thing', 'updated', thing))
  const left = async () => (await store.kysely.selectFrom('bus_outbox').select('position').execute()).length

  test('an event carries its resource, and is forgotten once published', async () => {
    const heard: EventEnvelope[] = []
    const relay = relayTo(async (event) => void heard.push(event))
    const thing = await made()
    await changed(thing)
    await relay.idle()
    expect(heard).toMatchObject([
      {
        type: 'thing_created',
        publisher: 'thing',
        resource: 'thing',
        resource_id: thing.id,
        customer_id: customer,
        owner_id: nilId,
        sequence: 1,
        data: { ...thing, secret: 's3cret' },
      },
      { type: 'thing_updated', sequence: 2 },
    ])
    for (const event of heard) expect(EventEnvelope.parse(event)).toEqual(event)
    expect(await left()).toBe(0)
  })

  test('row and event commit together or not at all', async () => {
    let id = ''
    const work = store.transaction(async (tx) => {
      const thing = await things.insert(tx, thingOf(customer))
      id = thing.id
      await emit(tx, 'thing', 'created', thing)
      throw new Error('no')
    })
    await expect(work).rejects.toThrow('no')
    expect(await things.find(store, customer, id)).toBeUndefined()
    expect(await left()).toBe(0)
    // The number of the event that was not was not used up.
    const heard: number[] = []
    const relay = relayTo(async ({ sequence }) => void heard.push(sequence))
    await changed({ ...(await things.insert(store, thingOf(customer))), id })
    await relay.idle()
    expect(heard).toEqual([1])
  })

  test('an event that does not fit its schema, or that nobody declared, takes its transaction with it', async () => {
    const thing = await made()
    await expect(changed({ ...thing, active: 'yes' as never })).rejects.toThrow(
      /thing_updated does not fit its schema.*active/s,
    )
    const undeclared = store.transaction((tx) => emit(tx, 'thing', 'vanished' as 'created', thing))
    await expect(undeclared).rejects.toThrow('thing has no event thing_vanished')
    expect(await left()).toBe(1)
  })

  test('sequences have no gaps and events keep their order under concurrent transactions, some of which fail', async () => {
    const heard = new Map<string, EventEnvelope[]>()
    const relay = relayTo(async (event) => {
      await sleep(Math.random() * 3)
      heard.set(event.resource_id, [...(heard.get(event.resource_id) ?? []), event])
    })
    const targets = await Promise.all([made(), made(), made()])
    let committed = 0
    const counts = new Map(targets.map(({ id }) => [id, 1]))
    const change = async (index: number) => {
      const [one, two] = [targets[index % 3]!, targets[(index + 1 + (index % 2)) % 3]!]
      const work = store.transaction(async (tx) => {
        await emit(tx, 'thing', 'updated', { ...one, count: index })
        await sleep(Math.random() * 3)
        await emit(tx, 'thing', 'updated', { ...two, count: index })
        if (index % 5 === 0) throw new Error('rolled back')
      })
      await work.then(
        () => {
          committed += 2
          for (const { id } of [one, two]) counts.set(id, counts.get(id)! + 1)
        },
        (error: Error) => expect(error.message).toBe('rolled back'),
      )
    }
    await Promise.all(Array.from({ length: 40 }, (_, index) => change(index)))
    await relay.idle()
    for (const { id } of targets) {
      const expected = Array.from({ length: counts.get(id)! }, (_, index) => index + 1)
      expect(heard.get(id)!.map(({ sequence }) => sequence)).toEqual(expected)
    }
    expect(committed).toBe(64)
  })

  test('an event that cannot be published holds back its own resource alone, and loses nothing', async () => {
    const [stuck, free] = [await made(), await made()]
    await changed(stuck)
    await changed(free)
    const heard: [string, number][] = []
    let refusals = 3
    const freeDone = Promise.withResolvers<void>()
    const relay = relayTo(async ({ resource_id, sequence }) => {
      if (resource_id === stuck.id) {
        await freeDone.promise
        if (refusals-- > 0) throw new Error('broker away')
      }
      heard.push([resource_id, sequence])
      if (resource_id === free.id && sequence === 2) freeDone.resolve()
    })
    await relay.idle()
    expect(heard).toEqual([
      [free.id, 1],
      [free.id, 2],
      [stuck.id, 1],
      [stuck.id, 2],
    ])
    expect(refusals).toBe(-2)
  })

  test('a backlog wider than the window goes out in order', async () => {
    const thing = await made()
    for (let index = 0; index < 20; index++) await changed(index % 4 === 0 ? await made() : thing)
    const heard: number[] = []
    let [now, most] = [0, 0]
    const relay = relayTo(
      async ({ resource_id, sequence }) => {
        most = Math.max(most, ++now)
        await sleep(1)
        now--
        if (resource_id === thing.id) heard.push(sequence)
      },
      { window: 4 },
    )
    await relay.idle()
    expect(heard).toEqual(Array.from({ length: 16 }, (_, index) => index + 1))
    expect(most).toBeLessThanOrEqual(4)
  })

  test('a relay of one publisher leaves the events of others alone', async () => {
    await made()
    const heard: string[] = []
    const other = relayTo(async ({ type }) => void heard.push(type), { publisher: 'other' })
    await other.idle()
    expect(heard).toEqual([])
    const own = relayTo(async ({ type }) => void heard.push(type), { publisher: 'thing' })
    await own.idle()
    expect(heard).toEqual(['thing_created'])
  })

  test('events that another process committed go out as well', async () => {
    const heard: string[] = []
    const relay = relayTo(async ({ resource_id }) => void heard.push(resource_id))
    await relay.idle()
    const other = database.open()
    const thing = await other.transaction(async (tx) => {
      const inserted = await things.insert(tx, thingOf(customer))
      await emit(tx, 'thing', 'created', inserted)
      return inserted
    })
    await other.close()
    await relay.idle()
    expect(heard).toEqual([thing.id])
  })

  test('close publishes what is committed, and gives up in time when it cannot', async () => {
    const heard: string[] = []
    const relay = relayTo(async ({ resource_id }) => {
      await sleep(5)
      heard.push(resource_id)
    })
    await made()
    await relay.idle()
    const late = await Promise.all([made(), made(), made()])
    await relay.close()
    expect(heard.slice(1).toSorted()).toEqual(late.map(({ id }) => id).toSorted())
    expect(await left()).toBe(0)

    const reached = Promise.withResolvers<void>()
    const hanging = relayTo(() => {
      reached.resolve()
      return new Promise(() => {})
    })
    await made()
    await reached.promise
    await hanging.close({ drainMs: 20 })
    expect(await left()).toBe(1)
  })

  test('after the death of a process between publishing and noting it, events come again and in order', async () => {
    const thing = await made()
    for (let index = 0; index < 5; index++) await changed(thing)
    // On MySQL it waits for its turn while the other lives; an SQLite file has one process at a time.
    const heard: number[] = []
    const takeOver = () => relayTo(async ({ sequence }) => void heard.push(sequence))
    const target =
      database.url ??
      (await store.kysely.selectFrom('pragma_database_list').select('file').executeTakeFirstOrThrow()).file
    const doomed = spawn(
      process.execPath,
      [fileURLToPath(new URL('../test/relay-process.ts', import.meta.url)), String(target)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const before: number[] = []
    for await (const line of createInterface(doomed.stdout)) {
      before.push(Number(line))
      if (before.length === 3) break
    }
    if (name === 'MySQL') takeOver()
    doomed.kill('SIGKILL')
    await occurrence(doomed, 'exit')
    const relay = name === 'MySQL' ? relays[0]! : takeOver()
    await relay.idle()
    expect(before).toEqual([1, 2, 3])
    expect(heard).toEqual([1, 2, 3, 4, 5, 6].slice(heard[0]! - 1))
    expect(heard[0]).toBeLessThanOrEqual(3)
  })

  test.runIf(name === 'MySQL')('of several relays one publishes, and another goes on when it ends', async () => {
    const heard: [number, string][] = []
    const stores = [database.open(), database.open()]
    const [first, second] = stores.map((own, index) =>
      relayTo(async ({ resource_id }) => void heard.push([index, resource_id]), { store: own }),
    )
    const one = await made()
    await first!.idle()
    const leader = heard[0]![0]
    expect(heard).toEqual([[leader, one.id]])
    await [first, second][leader]!.close()
    const two = await made()
    await first!.idle()
    expect(heard.slice(1)).toEqual([[1 - leader, two.id]])
    await Promise.all([first, second].map((relay) => relay!.close()))
    await Promise.all(stores.map((own) => own.close()))
  })

  test.runIf(name === 'MySQL')('a relay whose lock is taken away goes on when it has it again', async () => {
    const heard: number[] = []
    const relay = relayTo(async ({ sequence }) => void heard.push(sequence))
    const thing = await made()
    await relay.idle()
    const lock = serverLockName(new URL(database.url!).pathname.slice(1), 'relay:*')
    const { rows } = await sql<{ id: number }>`select is_used_lock(${lock}) as id`.execute(store.kysely)
    await sql`kill ${sql.lit(rows[0]!.id)}`.execute(store.kysely)
    await changed(thing)
    await relay.idle()
    expect(heard).toEqual([1, 2])
  })

  test.runIf(name === 'MySQL')(
    'a database that goes away for a while delays events, and the store comes back by itself',
    async () => {
      const sockets = new Set<Socket>()
      const { hostname, port } = new URL(database.url!)
      const line = createServer((near) => {
        const far = connect(Number(port || 3306), hostname)
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket.on('error', () => {}).on('close', () => void [near.destroy(), far.destroy()])
        }
        near.pipe(far).pipe(near)
      })
      const listen = async (at: number) => {
        line.listen(at, '127.0.0.1')
        await occurrence(line, 'listening')
        return (line.address() as AddressInfo).port
      }
      const linePort = await listen(0)
      const url = new URL(database.url!)
      url.hostname = '127.0.0.1'
      url.port = String(linePort)
      const remote = openStore({ url: url.href, log: quiet })
      const heard: number[] = []
      const relay = relayTo(async ({ sequence }) => void heard.push(sequence), { store: remote })
      const thing = await made()
      await relay.idle()

      const away = Promise.withResolvers<void>()
      line.close(() => away.resolve())
      for (const socket of sockets) socket.destroy()
      await away.promise
      await changed(thing)
      await expect(remote.ping()).rejects.toThrow()
      expect(heard).toEqual([1])

      await listen(linePort)
      while ((await left()) > 0) await sleep(10)
      expect(heard).toEqual([1, 2])
      await remote.ping()
      await relay.close()
      await remote.close()
      line.close()
    },
  )
})
