import { newId } from '@sidetone/store'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
let own: string
beforeAll(async () => {
  lab = await openLab()
  own = lab.number({ type: 'beep' })
  lab.world.carriers = [`127.0.0.1:${(await lab.phone('first')).port}`]
  await lab.outboundConfigs.update_own({ destination_whitelist: ['us'] })
})
beforeEach(() => {
  lab.world.balanceSeconds = 100
  lab.world.reserved.clear()
})
afterEach(() => lab.nothingIsLeft())
afterAll(() => lab.close())

const wait = { type: 'sleep', option: { duration: 60_000 } }
const american = { type: 'tel' as const, target: '+14155550123' }

test('a call that is told of twice at the same time holds its money once', async () => {
  const { transport } = lab.platform
  const both = Promise.withResolvers<void>()
  let asked = 0
  lab.world.beforeReserving = () => {
    if (++asked === 2) both.resolve()
    return both.promise
  }
  const repeating = await transport.subscribe({
    name: 'repeater',
    types: ['ari_received'],
    handler: async (event) => {
      const isStart = (event.data as { event: { type: string } }).event.type === 'StasisStart'
      // Events of different resources do not wait for each other, like those of two processes.
      if (isStart && event.resource_id !== 'elsewhere')
        void transport.publish({ ...event, id: newId(), resource_id: 'elsewhere' })
    },
  })
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait))
  await caller.answered
  await repeating.close()
  lab.world.beforeReserving = async () => {}
  const { id } = await lab.call({ status: 'progressing' })
  await vi.waitFor(() => expect([...lab.world.reserved.keys()]).toEqual([id]))
  await caller.hangup()
  await lab.ended()
})

test('a groupcall that is hung up while its next call is paid for holds nothing back', async () => {
  const bob = await lab.sipPhone('bob')
  const asked = Promise.withResolvers<void>()
  const hungUp = Promise.withResolvers<void>()
  lab.world.beforeReserving = () => {
    asked.resolve()
    return hungUp.promise
  }
  const { id } = await lab.groupcalls.create({
    source: { type: 'tel', target: own },
    ring_method: 'linear',
    answer_method: 'hangup_others',
    actions: [wait],
    destinations: [bob.address, american],
  })
  ;(await bob.phone.nextCall()).reject(486)
  await asked.promise
  expect(lab.world.reserved.size).toBe(1)
  await lab.groupcalls.hangup({ id })
  hungUp.resolve()
  await vi.waitUntil(() => lab.world.reserved.size === 0)
  expect(await lab.groupcalls.get({ id })).toMatchObject({ status: 'hangup' })
  lab.world.beforeReserving = async () => {}
})
