import { describe } from 'vitest'
import { ariContract } from './ari/contract.ts'
import { startTestSwitch } from './start-test-switch.ts'

describe('ARI of the softswitch', () => {
  ariContract(async () => {
    const { access, sipPort, close } = await startTestSwitch()
    return { ...access, host: '127.0.0.1', sipPort, stop: close }
  })
})
