import { describe, test } from 'vitest'
import { asteriskAbsent, startAsterisk } from './ari/asterisk.ts'
import { proxiedCarriers } from './proxied-carriers.ts'
import { startTestSwitch } from './start-test-switch.ts'

describe('carriers of the softswitch', () => {
  proxiedCarriers(async () => {
    const { access, sipPort, close } = await startTestSwitch()
    return { ...access, host: '127.0.0.1', sipPort, stop: close }
  })
})

describe('carriers of Asterisk', () => {
  if (!asteriskAbsent) return proxiedCarriers(startAsterisk)
  console.info(`skipped: ${asteriskAbsent}`)
  test.skipIf(process.env.SIDETONE_REQUIRE !== 'all')(asteriskAbsent, () => {
    throw new Error(asteriskAbsent)
  })
})
