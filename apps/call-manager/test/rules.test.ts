import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CallEvent, causeOf, type Leg, next, ownCauses, q850Of, reasonOf } from '../src/rules.ts'

const time = '2026-01-01T00:00:00.000000Z'
const leg = (given: Partial<Leg> = {}): Leg => ({
  status: 'dialing',
  direction: 'outgoing',
  hangup_by: '',
  hangup_reason: '',
  tm_ringing: null,
  tm_progressing: null,
  tm_hangup: null,
  asked_cause: null,
  id: 'leg',
  asterisk_id: 'node',
  channel_id: 'leg',
  ways: null,
  ...given,
})
const after = (start: Leg, ...events: CallEvent[]): Leg =>
  events.reduce((call, event) => next(call, event, time).call, start)

const ringing: CallEvent = { type: 'ringing' }
const answered: CallEvent = { type: 'answered' }
const gone = (cause: number): CallEvent => ({ type: 'gone', cause })
const hangUp = (cause = 16): CallEvent => ({ type: 'hang_up', cause })

describe('statuses', () => {
  const outgoing = leg()
  const incoming = leg({ direction: 'incoming', status: 'ringing' })
  test.each<[string, Leg, CallEvent[], Leg['status']]>([
    ['a phone that rings', outgoing, [ringing], 'ringing'],
    ['a phone that is answered', outgoing, [ringing, answered], 'progressing'],
    ['a phone that is answered without ringing', outgoing, [answered], 'progressing'],
    ['ringing that is reported after the answer', outgoing, [answered, ringing], 'progressing'],
    ['giving up before the answer', outgoing, [ringing, hangUp()], 'canceling'],
    ['an answer that crosses with giving up', outgoing, [ringing, hangUp(), answered], 'canceling'],
    ['hanging up after the answer', outgoing, [answered, hangUp()], 'terminating'],
    ['refusing an incoming call', incoming, [hangUp()], 'terminating'],
    ['the dial timeout', outgoing, [ringing, { type: 'dial_timeout' }], 'ringing'],
    ['the end', outgoing, [gone(16)], 'hangup'],
    ['anything after the end', outgoing, [gone(16), answered, ringing, hangUp()], 'hangup'],
  ])('%s', (_, start, events, status) => {
    expect(after(start, ...events).status).toBe(status)
  })

  test('each status that is entered is announced', () => {
    expect(next(outgoing, ringing, time).entered).toEqual(['ringing'])
    expect(next(outgoing, answered, time).entered).toEqual(['progressing'])
    expect(next(outgoing, hangUp(), time).entered).toEqual(['canceling'])
    expect(next(outgoing, gone(16), time).entered).toEqual(['hangup'])
    expect(next(after(outgoing, ringing), ringing, time).entered).toEqual([])
  })
})

describe('hangup reasons and who hung up', () => {
  const outgoing = leg()
  const incoming = leg({ direction: 'incoming', status: 'ringing' })
  const timeout: CallEvent = { type: 'dial_timeout' }
  test.each<[string, Leg, CallEvent[], Leg['hangup_reason'], Leg['hangup_by']]>([
    ['outgoing, ended after the answer', outgoing, [answered, gone(16)], 'normal', 'remote'],
    ['outgoing, ended after the answer with any cause', outgoing, [answered, gone(17)], 'normal', 'remote'],
    ['outgoing, cause 16 before the answer', outgoing, [ringing, gone(16)], 'normal', 'remote'],
    ['outgoing, answered elsewhere', outgoing, [ringing, gone(26)], 'normal', 'remote'],
    ['outgoing, busy', outgoing, [gone(17)], 'busy', 'remote'],
    ['outgoing, no answer', outgoing, [ringing, gone(19)], 'noanswer', 'remote'],
    ['outgoing, declined', outgoing, [ringing, gone(21)], 'noanswer', 'remote'],
    ['outgoing, not registered', outgoing, [gone(20)], 'failed', 'remote'],
    ['outgoing, unknown number', outgoing, [gone(1)], 'failed', 'remote'],
    ['outgoing, cause 0', outgoing, [ringing, gone(0)], 'dialout', 'remote'],
    ['outgoing, our dial timeout', outgoing, [ringing, timeout, gone(19)], 'dialout', 'remote'],
    ['outgoing, given up', outgoing, [ringing, hangUp(), gone(26)], 'cancel', 'local'],
    ['outgoing, hung up by us', outgoing, [answered, hangUp(), gone(16)], 'normal', 'local'],
    ['outgoing, too long', outgoing, [answered, hangUp(ownCauses.maxDuration), gone(16)], 'timeout', 'local'],
    ['outgoing, a machine answered', outgoing, [answered, hangUp(ownCauses.amd), gone(16)], 'amd', 'local'],
    ['incoming, the caller gave up', incoming, [gone(127)], 'normal', 'remote'],
    ['incoming, the caller hung up', incoming, [answered, gone(16)], 'normal', 'remote'],
    ['incoming, refused as busy', incoming, [hangUp(17), gone(17)], 'busy', 'local'],
    ['incoming, not answered by us', incoming, [hangUp(19), gone(19)], 'noanswer', 'local'],
    ['incoming, too long', incoming, [answered, hangUp(ownCauses.maxDuration), gone(16)], 'timeout', 'local'],
    ['incoming, a failure', incoming, [hangUp(18), gone(18)], 'normal', 'local'],
  ])('%s', (_, start, events, reason, by) => {
    expect(after(start, ...events)).toMatchObject({ status: 'hangup', hangup_reason: reason, hangup_by: by })
  })

  test.each([
    ['', 16],
    ['normal', 16],
    ['cancel', 16],
    ['timeout', 16],
    ['failed', 18],
    ['busy', 17],
    ['noanswer', 19],
    ['dialout', 19],
    ['made up', 16],
  ])('hanging up for the reason "%s" tells the node cause %i', (reason, cause) => {
    expect(q850Of(causeOf(reason))).toBe(cause)
  })

  test('a cause that only we know never reaches the node', () => {
    for (const cause of Object.values(ownCauses)) expect(q850Of(cause)).toBeLessThanOrEqual(127)
    expect(reasonOf(leg({ status: 'progressing' }), ownCauses.amd)).toBe('failed')
  })
})

describe('a leg that can be dialled another way', () => {
  const [first, second] = ['a', 'b'].map((host) => ({ endpoint: `PJSIP/call-out/sip:+1@${host}`, variables: {} }))
  const two = leg({ ways: [first!, second!] })

  test('is dialled so when the carrier fails, as the same call on the same node', () => {
    const { call, entered, effects } = next(after(two, ringing), gone(34), time)
    expect(call).toMatchObject({ status: 'ringing', ways: [second], channel_id: 'leg.1', asterisk_id: '' })
    expect({ entered, effects }).toEqual({ entered: [], effects: [{ type: 'redial', asterisk_id: 'node' }] })
    expect(next(call, gone(34), time).call).toMatchObject({ status: 'hangup', hangup_reason: 'failed' })
  })

  test.each([16, 17, 19, 21, 26])('is not when the phone itself has said so, by cause %i', (cause) => {
    expect(after(two, gone(cause)).status).toBe('hangup')
  })

  test.each<[string, CallEvent[]]>([
    ['it was answered', [answered]],
    ['it was given up', [hangUp()]],
    ['its time was over', [{ type: 'dial_timeout' }]],
  ])('is not when %s', (_, events) => {
    expect(after(two, ...events, gone(34)).status).toBe('hangup')
  })

  test('does not end with the channel that it had before', () => {
    const call = after(two, gone(34))
    expect(after(call, { ...gone(16), channel_id: 'leg' } as CallEvent)).toEqual(call)
  })
})

describe('whatever order and repetition events come in', () => {
  const anyEvent = fc.oneof(
    fc.constantFrom<CallEvent>(ringing, answered, { type: 'dial_timeout' }),
    fc.integer({ min: 0, max: 201 }).map((cause): CallEvent => gone(cause)),
    fc.integer({ min: 0, max: 201 }).map((cause): CallEvent => hangUp(cause)),
  )
  const anyLeg = fc.constantFrom(leg(), leg({ direction: 'incoming', status: 'ringing' }))

  test('a leg ends once, and stays ended', () => {
    fc.assert(
      fc.property(anyLeg, fc.array(anyEvent, { maxLength: 30 }), (start, events) => {
        let call = start
        let hangups = 0
        for (const event of [...events, gone(16)]) {
          const before = call
          const step = next(call, event, time)
          call = step.call
          hangups += step.entered.filter((status) => status === 'hangup').length
          if (before.status === 'hangup') expect(step).toEqual({ call: before, entered: [], effects: [] })
        }
        expect(hangups).toBe(1)
        expect(call.status).toBe('hangup')
        expect(call.hangup_reason).not.toBe('')
        expect(call.hangup_by).not.toBe('')
      }),
    )
  })

  test('an event that comes twice counts once', () => {
    fc.assert(
      fc.property(anyLeg, fc.array(anyEvent, { maxLength: 20 }), (start, events) => {
        const twice = events.flatMap((event) => [event, event])
        expect(after(start, ...twice)).toEqual(after(start, ...events))
      }),
    )
  })

  test('no status is entered twice', () => {
    fc.assert(
      fc.property(anyLeg, fc.array(anyEvent, { maxLength: 30 }), (start, events) => {
        const entered: string[] = []
        let call = start
        for (const event of events) {
          const step = next(call, event, time)
          entered.push(...step.entered)
          call = step.call
        }
        expect(new Set(entered).size).toBe(entered.length)
      }),
    )
  })
})
