import { type Call, hear } from '@sidetone/e2e/phone'
import { newId, timeAfter } from '@sidetone/store'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { endsOf, uriOf } from './conversation.ts'
import { immortal, type Life, mortalManager } from './mortal-manager.ts'
import { type Lab, openLab } from './platform.ts'

const life: Life = immortal()
/** More steps than a transfer has. */
const mostSteps = 100

let lab: Lab
type Extension = Awaited<ReturnType<Lab['extension']>>
let [alice, bob, carol]: Extension[] = []

beforeAll(async () => {
  lab = await openLab({ manager: mortalManager(life) })
  ;[alice, bob, carol] = await Promise.all(['1000', '1001', '1002'].map((extension) => lab.extension(extension)))
})
afterAll(() => lab.close())
afterEach(() => lab.nothingIsLeft())

interface Told {
  event?: { type: string; state?: string }
}

/** Who asks for the transfer, in both of its calls, and the two whom it talks to. */
interface Conversation {
  asks: Call
  second: Call
  others: [Call, Call]
}

async function talk(from: Extension, to: Extension, number: string): Promise<{ caller: Call; callee: Call }> {
  const caller = await lab.dial(number, from.phone)
  const callee = await to.phone.nextCall()
  await callee.answer()
  await caller.answered
  return { caller, callee }
}

async function callerOfBoth(): Promise<Conversation> {
  const one = await talk(alice!, bob!, '1001')
  const two = await talk(alice!, carol!, '1002')
  return { asks: one.caller, second: two.caller, others: [one.callee, two.callee] }
}

async function calleeOfBoth(): Promise<Conversation> {
  const one = await talk(bob!, alice!, '1000')
  const two = await talk(carol!, alice!, '1000')
  return { asks: one.callee, second: two.callee, others: [one.caller, two.caller] }
}

/**
 * Asks for an attended transfer, once for each of its steps, at which the call manager dies and is started again; the switch
 * lives on. `meanwhile` happens before the start.
 */
async function dyingAtEachStep(
  converse: () => Promise<Conversation>,
  recover: (conversation: Conversation & { told: Promise<number> }) => Promise<unknown>,
  meanwhile: (conversation: Conversation) => Promise<unknown> = async () => undefined,
): Promise<number> {
  for (let steps = 0; steps < mostSteps; steps++) {
    const conversation = await converse()
    const { asks, second } = conversation
    await hear(asks, conversation.others[0])
    const { promise: died, resolve } = Promise.withResolvers<boolean>()
    Object.assign(life, { steps, done: 0, died: () => resolve(true) })
    const referral = await asks.refer(uriOf('1002'), { attended: second })
    const done = Promise.all([asks.ended, second.ended]).then(() => false)
    const hasDied = await Promise.race([died, done])
    await meanwhile(conversation)
    const start = await lab.stopCallManager()
    Object.assign(life, immortal())
    await start()
    await recover({ ...conversation, told: referral.done })
    if (!hasDied) return steps
  }
  throw new Error('it never comes to an end')
}

test.each([
  ['the caller of both', callerOfBoth],
  ['who was called by both', calleeOfBoth],
])(
  'wherever the call manager dies, an attended transfer by %s is done after its restart',
  async (_who, converse) => {
    const steps = await dyingAtEachStep(converse, async ({ asks, second, others: [one, two], told }) => {
      expect(await told).toBe(200)
      await Promise.all([asks.ended, second.ended])
      await hear(one, two)
      await one.hangup()
      await two.ended
      expect((await endsOf(lab, 4)).every((end) => end.endsWith(': normal'))).toBe(true)
      await lab.nothingIsLeft()
    })
    expect(steps).toBeGreaterThan(10)
  },
  180_000,
)

test('when one of the two hangs up while the call manager is dead, the others talk as before or all is over', async () => {
  const steps = await dyingAtEachStep(
    callerOfBoth,
    async ({ asks, second, others: [one, two] }) => {
      await Promise.all([two.ended, second.ended])
      const over = asks.ended.then(() => true)
      const talk = hear(asks, one).then(
        () => false,
        () => over,
      )
      if (!(await Promise.race([over, talk]))) await asks.hangup()
      await one.ended
      await endsOf(lab, 4)
      await lab.nothingIsLeft()
    },
    ({ others: [, two] }) => two.hangup(),
  )
  expect(steps).toBeGreaterThan(10)
}, 180_000)

test('a transfer that was asked for long before the start is refused, and all talk on', async () => {
  const { asks, second, others } = await callerOfBoth()
  await hear(asks, others[0])
  const isAsked = ({ event }: Told) => event?.type === 'ChannelTransfer' && event.state === undefined
  const all = async () => (await lab.events()).filter(({ data }) => isAsked(data as unknown as Told))
  const before = (await all()).length
  const start = await lab.stopCallManager()
  const referral = await asks.refer(uriOf('1002'), { attended: second })
  const asked = await vi.waitUntil(async () => (await all())[before])
  await start()
  await lab.platform.transport.publish({ ...asked, id: newId(), time: timeAfter(-120_000) })
  expect(await referral.done).toBe(503)
  await hear(asks, others[0])
  await hear(second, others[1])
  await Promise.all([asks.hangup(), second.hangup()])
  await Promise.all(others.map((one) => one.ended))
  await endsOf(lab, 4)
})
