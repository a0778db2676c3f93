import { afterEach, describe, expect, test } from 'vitest'
import { createPhone, type Phone, type PhoneOptions } from '../src/phone/index.ts'
import { sippAbsent as absent, scenario, startSipp as start } from './sipp/start-sipp.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe('the phone against sipp', () => {
  if (absent) console.info(`skipped: ${absent}`)
  test.runIf(absent && process.env.SIDETONE_REQUIRE === 'all')('sipp is there', () => {
    throw new Error(absent)
  })

  describe.skipIf(absent)(absent ?? 'calls', () => {
    test('a call to sipp is answered and ended', async () => {
      const sipp = await startSipp('-sn', 'uas')
      const alice = await phone({ server: sipp })
      const call = await alice.call(`sip:service@127.0.0.1:${sipp.port}`)
      await call.answered
      expect(call.progress).toContain(180)
      await call.hangup() // resolves with the answer to the BYE; sipp itself lingers
      expect(await call.ended).toMatchObject({ by: 'us' })
    })

    test('a call from sipp is answered and ended', async () => {
      const alice = await phone({ server: { host: '127.0.0.1', port: 9 } })
      alice.onInvite((call) => call.answer())
      const sipp = await startSipp('-sn', 'uac', '-d', '50', `127.0.0.1:${alice.port}`)
      expect(await sipp.succeeded).toBe(true)
    })

    test('registering answers the challenge', async () => {
      const sipp = await startSipp('-sf', scenario('challenge.xml'))
      const alice = await phone({ server: sipp, username: 'alice', password: 'secret' })
      expect((await alice.register()).status).toBe(200)
      expect(await sipp.succeeded).toBe(true)
    })

    test('registering with a wrong password is rejected with the status', async () => {
      const sipp = await startSipp('-sf', scenario('challenge.xml'))
      const alice = await phone({ server: sipp, username: 'alice', password: 'wrong' })
      await expect(alice.register()).rejects.toMatchObject({ status: 403 })
    })

    test('a call answers the challenge', async () => {
      const sipp = await startSipp('-sf', scenario('challenged-call.xml'))
      const alice = await phone({ server: sipp, username: 'alice', password: 'secret' })
      const call = await alice.call(`sip:service@127.0.0.1:${sipp.port}`)
      await call.answered
      await call.hangup()
      expect(await sipp.succeeded).toBe(true)
    })
  })
})

async function phone(options: PhoneOptions): Promise<Phone> {
  const made = await createPhone(options)
  closing.unshift(made.close)
  return made
}

async function startSipp(...options: string[]) {
  const sipp = await start(...options)
  closing.push(sipp.close)
  return sipp
}
