import { nilId } from '@sidetone/contract'
import { testDatabases } from '@sidetone/store/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { acme, type Running, rival, startNumbers } from './start.ts'

describe.each(await testDatabases('number patterns'))('on $name', ({ create }) => {
  let running: Running
  beforeEach(async () => {
    running = await startNumbers(await create())
  })
  afterEach(() => running.close())
  const add = (pattern: string, options: { type?: 'wildcard' | 'regex'; customer_id?: string } = {}) =>
    running.operators.number_pattern.create({ customer_id: acme, name: pattern, pattern, ...options })
  const answering = async (number: string) => (await running.lookup(number)).name

  test('the number itself wins, then the longest beginning, then the most digits, then the older pattern', async () => {
    await add('+4989*')
    await add('+49*')
    await add('\\+4989\\d*7', { type: 'regex' })
    await add('\\+4989\\d+', { type: 'regex' })
    await add('+4989123*')
    await running.operators.number.register({ customer_id: rival, number: '+4989123456', name: 'the number' })
    const winners = {
      '+4989123456': 'the number',
      '+4989123457': '+4989123*',
      '+4989555557': '\\+4989\\d*7',
      '+4989555555': '+4989*',
      '+4930555555': '+49*',
    }
    for (const [number, winner] of Object.entries(winners))
      expect([number, await answering(number)]).toEqual([number, winner])
    await expect(running.lookup('+15550100000')).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
    await expect(running.lookup('+4989')).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
  })

  test('a number that fits is answered as if it were the customer’s own', async () => {
    const call_flow_id = running.flowOf(acme)
    const { id } = await running.operators.number_pattern.create({
      customer_id: acme,
      pattern: '+4989123*',
      call_flow_id,
    })
    expect(await running.lookup('+498912399')).toMatchObject({
      ...{ id, customer_id: acme, number: '+498912399', type: 'normal', status: 'active' },
      ...{ call_flow_id, message_flow_id: nilId, tm_renew: null },
    })
    const other = running.flowOf(acme)
    await running.mine.number_pattern.update({ id, call_flow_id: other })
    expect(await running.lookup('+498912399')).toMatchObject({ call_flow_id: other })
    await running.announce('flow_deleted', other, acme)
    expect(await running.lookup('+498912399')).toMatchObject({ call_flow_id: nilId })
  })

  test('virtual numbers are not the pattern’s', async () => {
    await add('+*')
    expect(await answering('+15550100000')).toBe('+*')
    await expect(running.lookup('+899123000001')).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
  })

  test('operators alone make and take them; a pattern is there once, and free again when it is deleted', async () => {
    await expect(running.operators.number_pattern.create({ customer_id: nilId, pattern: '+1*' })).rejects.toMatchObject(
      {
        reason: 'CUSTOMER_UNKNOWN',
      },
    )
    const { id } = await add('+1*')
    await expect(add('+1*', { customer_id: rival })).rejects.toMatchObject({ reason: 'NUMBER_PATTERN_ALREADY_EXISTS' })
    await expect(running.theirs.number_pattern.get({ id })).rejects.toMatchObject({
      reason: 'NUMBER_PATTERN_NOT_FOUND',
    })
    for (const { number_pattern } of [running.mine, running.operators])
      expect((await number_pattern.list({})).result).toMatchObject([{ id }])
    expect((await running.theirs.number_pattern.list({})).result).toEqual([])
    await running.operators.number_pattern.delete({ id })
    expect((await add('+1*', { customer_id: rival })).customer_id).toBe(rival)
    await running.announce('customer_deleted', rival, rival)
    await expect(running.lookup('+15550100000')).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
    await add('+1*')
  })

  test.each([
    ['wildcard', '15550*'],
    ['regex', '\\+1(5)\\1'],
  ] as const)('a %s that is not valid is refused with the reason: %s', async (type, pattern) => {
    await expect(add(pattern, { type })).rejects.toMatchObject({
      reason: 'NUMBER_PATTERN_INVALID',
      details: [{ field: 'pattern', problem: expect.any(String) }],
    })
  })
})
