import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { application, applicationAway } from './application.ts'
import { bridges } from './bridges.ts'
import { carriers } from './carriers.ts'
import { codecs } from './codecs.ts'
import { detection } from './detection.ts'
import { externalMedia } from './external-media.ts'
import { holding } from './holding.ts'
import { inboundCalls } from './inbound-calls.ts'
import { type Lab, openLab, type Target } from './lab.ts'
import { listeningIn } from './listening-in.ts'
import { music } from './music.ts'
import { outboundCalls } from './outbound-calls.ts'
import { playback } from './playback.ts'
import { playbackControl } from './playback-control.ts'
import { recording } from './recording.ts'
import { badRequests } from './requests.ts'
import { transfers } from './transfers.ts'

/** What the platform relies on in ARI. Real Asterisk is the definition: an expectation that it does not meet is wrong. */
export function ariContract(start: () => Promise<Target>) {
  let target: Target
  let lab: Lab
  beforeAll(async () => {
    target = await start()
    lab = await openLab(target)
  })
  afterEach(() => lab.reset())
  afterAll(async () => {
    await lab.close()
    await target.stop()
  })
  describe('application', () => application(() => lab))
  describe('inbound calls', () => inboundCalls(() => lab))
  describe('outbound calls', () => outboundCalls(() => lab))
  describe('carriers', () => carriers(() => lab))
  describe('codecs', () => codecs(() => lab))
  describe('playback', () => playback(() => lab))
  describe('playback control', () => playbackControl(() => lab))
  describe('recording', () => recording(() => lab))
  describe('bridges', () => bridges(() => lab))
  describe('holding', () => holding(() => lab))
  describe('transfers', () => transfers(() => lab))
  describe('detection', () => detection(() => lab))
  describe('external media', () => externalMedia(() => lab))
  describe('listening in', () => listeningIn(() => lab))
  describe('music', () => music(() => lab))
  describe('requests', () => badRequests(() => lab))
  describe('without an application', () => applicationAway(() => lab))
}
