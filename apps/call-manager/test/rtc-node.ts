import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ha1, startSoftswitch } from '@sidetone/softswitch'
import { asteriskAbsent, startAsterisk } from '@sidetone/softswitch/real-asterisk'
import type { Logger } from '@sidetone/telemetry'
import type { World } from './scripted-managers.ts'

/** Something that speaks SIP and ARI. */
export interface RtcNode {
  ariUrl: string
  user: string
  password: string
  sipPort: number
  stop(): Promise<void>
}

export const phonePassword = 'secret'
const realm = 'sidetone'

export type StartNode = (world: World, customer: string, log: Logger) => Promise<RtcNode>

export const startEmbedded: StartNode = async (world, _customer, log) => {
  const recordingDir = await mkdtemp(join(tmpdir(), 'sidetone-recordings-'))
  const softswitch = await startSoftswitch({
    sipPort: 0,
    bindAddress: '127.0.0.1',
    rtpPortMin: 0,
    rtpPortMax: 0,
    recordingDir,
    log: {
      info: (fields, message) => log.info(fields, message),
      warn: (fields, message) => log.warn(fields, message),
      error: (fields, message) => log.error(fields, message),
    },
    lookup: async ({ user }) => {
      const known = world.extensions.find(({ extension }) => extension === user)
      return known
        ? {
            username: user,
            customer_id: known.customer_id,
            ha1_md5: ha1('MD5', user, realm, phonePassword),
            ha1_sha256: ha1('SHA-256', user, realm, phonePassword),
          }
        : null
    },
  })
  const { ariUrl, ariUser: user, ariPassword: password, sipPort } = softswitch
  return {
    ariUrl,
    user,
    password,
    sipPort,
    async stop() {
      await softswitch.close()
      await rm(recordingDir, { recursive: true, force: true })
    },
  }
}

export { asteriskAbsent, startAsterisk }
