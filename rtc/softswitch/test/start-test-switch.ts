import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ha1, type Registration, type SoftswitchOptions, startSoftswitch } from '../src/index.ts'

export const CUSTOMER = '0190c1a0-0000-7000-8000-000000000001'
export const OTHER_CUSTOMER = '0190c1a0-0000-7000-8000-000000000002'

/** Extensions 1000 … 1009 of two customers; the password is `pass<user>`, for the other customer `other<user>`. */
export async function lookup({ user, domain }: { user: string; domain: string }) {
  if (!/^100\d$/.test(user)) return null
  const other = domain.startsWith(OTHER_CUSTOMER)
  const password = `${other ? 'other' : 'pass'}${user}`
  return {
    username: user,
    customer_id: other ? OTHER_CUSTOMER : CUSTOMER,
    ha1_md5: ha1('MD5', user, 'sidetone', password),
    ha1_sha256: ha1('SHA-256', user, 'sidetone', password),
  }
}

/** A switch on free ports with a folder of its own, and what it told its parent. */
export async function startTestSwitch(options: Partial<SoftswitchOptions> = {}) {
  const recordingDir = await mkdtemp(join(tmpdir(), 'softswitch-'))
  const registrations: Registration[] = []
  const logged: string[] = []
  const log = (_: object, message: string) => void logged.push(message)
  const softswitch = await startSoftswitch({
    sipPort: 0,
    rtpPortMin: 0,
    rtpPortMax: 0,
    bindAddress: '127.0.0.1',
    registrarBaseDomain: 'sidetone.test',
    minExpiresSeconds: 1,
    recordingDir,
    lookup,
    onRegistration: (registration) => registrations.push(registration),
    log: { info: log, warn: log, error: log },
    ...options,
  })
  return {
    ...softswitch,
    /** As the ARI test client wants it. */
    access: { ariUrl: softswitch.ariUrl, user: softswitch.ariUser, password: softswitch.ariPassword },
    recordingDir,
    registrations,
    logged,
    async close() {
      await softswitch.close()
      await rm(recordingDir, { recursive: true, force: true })
    },
  }
}
