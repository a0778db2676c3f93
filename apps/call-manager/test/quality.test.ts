import { expect, test } from 'vitest'
import { qualityOf } from '../src/quality.ts'

const variable = (values: Record<string, number>) =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(';')

test('what Asterisk says of a call without reports is how the phone was heard', () => {
  const said =
    'ssrc=1473632864;themssrc=2822701689;lp=0;rxjitter=0.000000;rxcount=56;txjitter=0.000875;txcount=0;rlp=0;rtt=0.000000;rxmes=0.000000;txmes=0.000000'
  expect(qualityOf(said)).toEqual({
    received: { mos: 4.38, packets: 56, packets_lost: 0, jitter_ms: 0.9 },
    sent: null,
    round_trip_ms: null,
  })
})

test('what the phone reports is how it heard us', () => {
  const said = variable({ lp: 10, rxcount: 990, txjitter: 0.004, txcount: 1000, rlp: 50, rxjitter: 0.03, rtt: 0.08 })
  expect(qualityOf(said)).toEqual({
    received: { mos: 4.26, packets: 990, packets_lost: 10, jitter_ms: 4 },
    sent: { mos: 3.8, packets: 950, packets_lost: 50, jitter_ms: 30 },
    round_trip_ms: 80,
  })
})

// Worked out by the formulas beside this code.
test.each([
  [0, 0.02, 4.37],
  [2, 0.02, 4.18],
  [5, 0.02, 3.85],
  [10, 0.02, 3.33],
  [40, 0.02, 1.74],
  [0, 0.6, 3.33],
  [0, 2, 1],
])('%d percent of loss and %d s round trip are MOS %d', (lossPercent, rtt, mos) => {
  const said = variable({ rxcount: 100 - lossPercent, lp: lossPercent, rtt })
  expect(qualityOf(said)?.received.mos).toBe(mos)
})

test.each(['', 'nonsense', 'rxcount=-1', 'rxcount=0;lp=5', 'rxcount=NaN'])('"%s" tells nothing', (said) => {
  expect(qualityOf(said)).toBeUndefined()
})

test('more loss than packets cannot make numbers that mean nothing', () => {
  const said = variable({ rxcount: 1, lp: 1e9, txcount: 5, rlp: 4e9, rtt: 1e6 })
  expect(qualityOf(said)).toMatchObject({ received: { mos: 1 }, sent: { mos: 1, packets: 0, packets_lost: 5 } })
})
