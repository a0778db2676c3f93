import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
let own: string
let pbx: Awaited<ReturnType<Lab['phone']>>
let carrier: Awaited<ReturnType<Lab['phone']>>
beforeAll(async () => {
  lab = await openLab()
  own = lab.number({ type: 'beep' })
  pbx = (await lab.extension('7000')).phone
  carrier = await lab.phone('first')
  lab.world.carriers = [`127.0.0.1:${carrier.port}`]
  await lab.outboundConfigs.update_own({ destination_whitelist: ['us'] })
})
afterEach(() => lab.nothingIsLeft())
afterAll(() => lab.close())

const through = (dialled: string, from = `sip:${own}@pbx.example`) =>
  pbx.call(`sip:${dialled}@acme.trunk.sidetone.localhost`, { from })

test.each(['+14155550123', '14155550123'])(
  'a trunk dials %s of the world, from a number of its customer',
  async (dialled) => {
    const call = await through(dialled)
    const outgoing = await carrier.nextCall()
    expect(outgoing.invite.uri).toContain('+14155550123@')
    await outgoing.answer()
    await call.answered
    await call.hangup()
    await outgoing.ended
    expect(await lab.ended(({ direction }) => direction === 'incoming')).toMatchObject({
      customer_id: lab.customer,
      source: { type: 'tel', target: own },
      destination: { type: 'tel', target: '+14155550123' },
    })
  },
)

test('a number of the platform is called within it', async () => {
  const call = await through(lab.number({ type: 'answer' }, { type: 'hangup' }))
  await call.answered
  await call.ended
  expect(await lab.ended()).toMatchObject({ direction: 'incoming', source: { type: 'tel', target: own } })
})

test('no extension is reached through a trunk', async () => {
  await expect((await through('7000')).answered).rejects.toMatchObject({ status: 404 })
})

test('a number that is not its customer’s is not shown to carriers', async () => {
  const dialledOut = async () =>
    (await lab.calls.list({})).result.filter(({ direction }) => direction === 'outgoing').length
  const before = await dialledOut()
  const call = await through('+14155550123', 'sip:+14155550999@pbx.example')
  await call.ended
  expect((await lab.ended()).source).toMatchObject({ target: '+14155550999' })
  expect(await dialledOut()).toBe(before)
})
