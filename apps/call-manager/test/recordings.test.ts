import { createHash } from 'node:crypto'
import { readWav, strongestTone } from '@sidetone/e2e/phone'
import type { Recording } from '@sidetone/proto-schemas/recording'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
})
afterAll(() => lab.close())
afterEach(() => lab.nothingIsLeft())

const start = (option: Record<string, unknown> = {}) => ({ type: 'recording_start', option })
const wait = (duration: number) => ({ type: 'sleep', option: { duration } })

/** The newest recording once it has ended, and what was said about it. */
async function finished(): Promise<{ recording: Recording; told: string[] }> {
  const recording = await vi.waitUntil(
    async () => {
      const [newest] = (await lab.recordings.list({})).result
      return newest?.status === 'ended' && newest
    },
    { timeout: 5_000, interval: 20 },
  )
  return { recording, told: await lab.told(recording.id) }
}

async function audioOf({ customer_id, id }: Recording): Promise<Buffer> {
  const file = await lab.platform.files.get(`recordings/${customer_id}/${id}.wav`)
  return Buffer.from(await new Response(file!.body).arrayBuffer())
}

test('what both sides say is in the file; it is announced once, and the node keeps nothing', async () => {
  const bob = await lab.extension('1001')
  const number = lab.number({ type: 'answer' }, start(), {
    type: 'connect',
    option: { destinations: [bob.address] },
  })
  const caller = await lab.dial(number)
  const callee = await bob.phone.nextCall()
  await callee.answer()
  await lab.call({ status: 'progressing' }, ({ direction }) => direction === 'outgoing')
  void caller.play({ frequency: 600, durationMs: 3_000 })
  await callee.waitForTone(600)
  await new Promise((resolve) => setTimeout(resolve, 300))
  caller.stopPlaying()
  void callee.play({ frequency: 1_100, durationMs: 3_000 })
  await caller.waitForTone(1_100)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await caller.hangup()

  const { recording, told } = await finished()
  expect(told).toEqual(['recording_started', 'recording_finished'])
  const bytes = await audioOf(recording)
  expect(recording).toMatchObject({ filesize: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
  expect(recording.uri_download).toContain(recording.id)
  const { samples } = readWav(bytes)
  const tones = new Set<number>()
  for (let at = 0; at + 1_600 <= samples.length; at += 800) {
    tones.add(Math.round(strongestTone(samples.subarray(at, at + 1_600)).frequency / 50) * 50)
  }
  expect([...tones]).toEqual(expect.arrayContaining([600, 1_100]))
  expect(await lab.ari('recordings/stored')).toEqual([])

  const call = await lab.ended(({ direction }) => direction === 'incoming')
  expect(call).toMatchObject({ recording_ids: [recording.id] })
  expect((await lab.recordings.file({ id: recording.id })).location).toBeTruthy()
  await lab.recordings.delete({ id: recording.id })
  await vi.waitUntil(() => lab.world.files.size === 0)
  await expect(lab.recordings.get({ id: recording.id })).rejects.toMatchObject({ reason: 'RECORDING_NOT_FOUND' })
})

test('two channels keep what the phone says apart from what it hears', async () => {
  const bob = await lab.extension('1001')
  const connect = { type: 'connect', option: { destinations: [bob.address] } }
  const caller = await lab.dial(lab.number({ type: 'answer' }, start({ channels: 2 }), connect))
  const callee = await bob.phone.nextCall()
  await callee.answer()
  void caller.play({ frequency: 600, durationMs: 3_000 })
  void callee.play({ frequency: 1_100, durationMs: 3_000 })
  await Promise.all([callee.waitForTone(600), caller.waitForTone(1_100)])
  await new Promise((resolve) => setTimeout(resolve, 400))
  await caller.hangup()
  const { recording } = await finished()
  const { channels, samples } = readWav(await audioOf(recording))
  const side = (which: number) => strongestTone(samples.filter((_, at) => at % 2 === which).subarray(-2_400, -400))
  expect(channels).toBe(2)
  expect(side(0).frequency).toBeCloseTo(600, -1)
  expect(side(1).frequency).toBeCloseTo(1_100, -1)
  await lab.ended(({ direction }) => direction === 'incoming')
  await lab.recordings.delete({ id: recording.id })
})

test('recording_stop ends it, and another can follow', async () => {
  const number = lab.number(
    { type: 'answer' },
    start(),
    wait(400),
    { type: 'recording_stop' },
    wait(200),
    start(),
    wait(400),
  )
  const caller = await lab.dial(number)
  void caller.play({ frequency: 600, durationMs: 3_000 })
  await caller.ended
  await finished()
  await vi.waitUntil(async () => (await lab.recordings.list({})).result.every(({ status }) => status === 'ended'))
  const call = await lab.ended()
  expect(call.recording_ids).toHaveLength(2)
  for (const id of call.recording_ids) expect(await lab.told(id)).toEqual(['recording_started', 'recording_finished'])
})

test.each([
  ['its duration', { duration: 1 }, ''],
  ['the key', { end_of_key: '#' }, '1#'],
  ['any key', { end_of_key: 'any' }, '1'],
])('%s ends a recording while the call goes on', async (_, option, digits) => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, start(option), wait(60_000)))
  await caller.answered
  void caller.play({ frequency: 600, durationMs: 5_000 })
  const { id } = await lab.call({ status: 'progressing' })
  await vi.waitUntil(async () => (await lab.recordings.list({})).result[0]?.status === 'recording')
  caller.stopPlaying()
  if (digits) await caller.sendDtmf(digits)
  const { recording } = await finished()
  expect(recording).toMatchObject({ reference_id: id })
  expect(await lab.calls.get({ id })).toMatchObject({
    status: 'progressing',
    recording_id: '00000000-0000-0000-0000-000000000000',
  })
  await caller.hangup()
  await lab.ended()
})

test('a call can be recorded from outside, once at a time', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait(60_000)))
  await caller.answered
  void caller.play({ frequency: 600, durationMs: 5_000 })
  const { id } = await lab.call({ status: 'progressing' })
  await expect(lab.calls.recording_stop({ id })).rejects.toMatchObject({ reason: 'RECORDING_NOT_ACTIVE' })
  const recorded = await lab.calls.recording_start({ id })
  expect(recorded.recording_ids).toEqual([recorded.recording_id])
  await expect(lab.calls.recording_start({ id })).rejects.toMatchObject({ reason: 'RECORDING_ALREADY_ACTIVE' })
  await vi.waitUntil(async () => (await lab.recordings.get({ id: recorded.recording_id })).status === 'recording')
  await expect(lab.recordings.file({ id: recorded.recording_id })).rejects.toMatchObject({
    reason: 'RECORDING_NOT_READY',
  })
  await lab.calls.recording_stop({ id })
  await finished()
  await caller.hangup()
  await lab.ended()
  await expect(lab.calls.recording_start({ id })).rejects.toMatchObject({ reason: 'CALL_STATE_INVALID' })
})

test('a beep comes before the recording when it is asked for', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, start({ beep_start: true }), wait(500)))
  await caller.answered
  await caller.ended
  const { recording } = await finished()
  expect(recording.filesize).toBeGreaterThan(44)
  expect(Math.max(...caller.heard().map(Math.abs))).toBeGreaterThan(500)
})

test('what is said during a pause is not in the file', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, start(), wait(60_000)))
  await caller.answered
  const { id } = await lab.call({ status: 'progressing' })
  await vi.waitUntil(async () => (await lab.recordings.list({})).result[0]?.status === 'recording')
  await caller.play({ frequency: 600, durationMs: 400 })
  await lab.calls.recording_pause({ id })
  await caller.play({ frequency: 1_100, durationMs: 400 })
  await new Promise((resolve) => setTimeout(resolve, 200))
  await lab.calls.recording_resume({ id })
  await caller.play({ frequency: 1_700, durationMs: 400 })
  await lab.calls.recording_stop({ id })
  const { recording } = await finished()
  await expect(lab.calls.recording_pause({ id })).rejects.toMatchObject({ reason: 'RECORDING_NOT_ACTIVE' })
  const { samples } = readWav(await audioOf(recording))
  const tones = new Set<number>()
  for (let at = 0; at + 800 <= samples.length; at += 400) {
    const { frequency, share } = strongestTone(samples.subarray(at, at + 800))
    if (share > 0.5) tones.add(Math.round(frequency / 100) * 100)
  }
  expect([...tones].sort()).toEqual([1_700, 600])
  await caller.hangup()
  await lab.ended()
})

test('recording_start by REST beeps first when it is asked to', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait(60_000)))
  await caller.answered
  const { id } = await lab.call({ status: 'progressing' })
  await lab.calls.recording_start({ id, beep_start: true })
  await caller.waitForTone(1_000, { minMs: 60 })
  await caller.hangup()
  await lab.ended()
  await finished()
})

/** A call that costs nothing itself, answered. */
async function freeCall(...actions: Parameters<Lab['number']>) {
  const { phone } = await lab.extension(`2${lab.world.extensions.length}`)
  const caller = await lab.dial(lab.number({ type: 'answer' }, ...actions, wait(60_000)), phone)
  await caller.answered
  const { id, activeflow_id } = await lab.call({ status: 'progressing' })
  return { caller, id, activeflow_id }
}

const waiting = { timeout: 5_000, interval: 20 }

test('without a balance nothing is recorded; who asked is told why', async () => {
  lab.world.balanceSeconds = 0
  const { caller, id, activeflow_id } = await freeCall(start())
  await vi.waitUntil(() => lab.world.problems(activeflow_id).length > 0, waiting)
  expect(lab.world.problems(activeflow_id)).toEqual([expect.stringContaining('balance')])
  await expect(lab.calls.recording_start({ id })).rejects.toMatchObject({
    status: 'PAYMENT_REQUIRED',
    reason: 'BALANCE_INSUFFICIENT',
  })
  expect((await lab.calls.get({ id })).recording_ids).toEqual([])
  lab.world.balanceSeconds = null
  await caller.hangup()
  await lab.ended()
})

test('a recording ends when the balance does, and not before; its call goes on', async () => {
  lab.world.balanceSeconds = 2
  const { caller, id } = await freeCall()
  const { recording_id } = await lab.calls.recording_start({ id })
  const { recording } = await finished()
  expect(recording.id).toBe(recording_id)
  const seconds = (Date.parse(recording.tm_end!) - Date.parse(recording.tm_start!)) / 1_000
  expect(seconds).toBeGreaterThan(1.8)
  expect(seconds).toBeLessThan(3.5)
  expect(await lab.calls.get({ id })).toMatchObject({ status: 'progressing' })
  lab.world.balanceSeconds = null
  await caller.hangup()
  await lab.ended()
})

test('a recording that is deleted while it runs ends, is told of once, and leaves no file', async () => {
  const { caller, id } = await freeCall()
  const { recording_id } = await lab.calls.recording_start({ id })
  await vi.waitUntil(async () => (await lab.recordings.get({ id: recording_id })).status === 'recording', waiting)
  await lab.recordings.delete({ id: recording_id })
  await lab.recordings.delete({ id: recording_id }).catch(() => undefined)
  const told = () => lab.told(recording_id)
  const all = ['recording_started', 'recording_finished', 'recording_deleted']
  await vi.waitFor(async () => expect(await told()).toEqual(all), waiting)
  const ofIt = () => [...lab.world.files.values()].filter((file) => file.reference_id === recording_id)
  await vi.waitUntil(() => ofIt().length === 0, waiting)
  expect(await lab.ari('recordings/stored')).toEqual([])
  await expect(lab.recordings.get({ id: recording_id })).rejects.toMatchObject({ reason: 'RECORDING_NOT_FOUND' })
  expect(await lab.calls.get({ id })).toMatchObject({ status: 'progressing' })
  await caller.hangup()
  await lab.ended()
})

test('a recording that does not come about holds nothing back', async () => {
  lab.world.balanceSeconds = 10
  const { caller, id } = await freeCall()
  const startProxy = await lab.stopProxy()
  const { recording_id } = await lab.calls.recording_start({ id })
  await startProxy()
  await vi.waitUntil(async () => (await lab.recordings.get({ id: recording_id })).status === 'ended', waiting)
  expect(lab.world.reserved.has(recording_id)).toBe(false)
  expect(lab.world.balanceSeconds).toBe(10)
  lab.world.balanceSeconds = null
  await caller.hangup()
  await lab.ended()
})
