import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Transport } from '@sidetone/bus'
import { internalIdentity } from '@sidetone/contract'
import { type CapturedMessage, parseHep } from '@sidetone/hep'
import type { CapturedSipMessage } from '@sidetone/proto-schemas/sip-message'
import { timelineContract } from '@sidetone/proto-schemas/timeline'
import type { Logger } from 'pino'
import { v7 as newId } from 'uuid'
import { z } from 'zod'
import { sipTextOf } from './sip-text.ts'

/** The setting `HEP_KEY`: a word that all senders have in their packets. */
export const hepKey = z.string().min(1).max(255).optional()

interface CollectorOptions {
  /** UDP; port 0 takes a free one. */
  host: string
  port: number
  /** Packets without it are not taken. */
  key?: string | undefined
  transport: Transport
  log: Logger
}

export interface HepCollector {
  port: number
  /** Takes nothing new; what was taken is kept. */
  close: () => Promise<void>
}

const gatherMs = 100
const batchSize = 50
/** More than that wait only when the timeline does not answer: calls go on, their messages are not kept. */
const maxWaiting = 5_000
const maxTextLength = 65_535

/** Takes the SIP messages that servers send a copy of (HEP 3 over UDP), and has those of calls kept by the timeline. */
export async function startHepCollector(options: CollectorOptions): Promise<HepCollector> {
  const { host, port, key, transport, log } = options
  const timeline = createClient(timelineContract, { transport, publisher: 'hep-collector' }).sip_message
  let waiting: CapturedSipMessage[] = []
  let dropped = 0
  let sending: Promise<void> | undefined
  const closing = new AbortController()

  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
  socket.on('message', (packet) => {
    const captured = parseHep(packet)
    const message = captured && messageOf(captured)
    if (!message || (key !== undefined && captured.key !== key)) return
    if (waiting.length >= maxWaiting) dropped++
    else waiting.push(message)
    sending ??= send().finally(() => {
      sending = undefined
    })
  })
  socket.bind(port, host)
  await once(socket, 'listening') // rejects on 'error'
  socket.on('error', (err) => log.warn({ err }, 'the socket for captured SIP messages failed'))

  async function send(): Promise<void> {
    while (waiting.length > 0) {
      await sleep(gatherMs, undefined, { signal: closing.signal }).catch(() => undefined)
      const messages = waiting.slice(0, batchSize)
      waiting = waiting.slice(batchSize)
      try {
        await timeline.append({ messages }, { identity: internalIdentity() })
      } catch (err) {
        dropped += messages.length
        log.warn({ err, dropped }, 'captured SIP messages could not be kept')
      }
    }
    if (dropped > 0) log.warn({ dropped }, 'SIP messages were dropped: more came than could be kept')
    dropped = 0
  }

  return {
    port: socket.address().port,
    async close() {
      await new Promise<void>((resolve) => socket.close(() => resolve()))
      closing.abort()
      await sending
    },
  }
}

function messageOf({
  srcAddress,
  srcPort,
  dstAddress,
  dstPort,
  timeUs,
  payload,
}: CapturedMessage): CapturedSipMessage | undefined {
  const sip = sipTextOf(payload)
  if (!sip || sip.text.length > maxTextLength) return undefined
  return {
    id: newId(),
    sip_call_id: sip.callId,
    timestamp: timestampOf(timeUs),
    method: sip.method,
    ...{ src_ip: srcAddress, src_port: srcPort, dst_ip: dstAddress, dst_port: dstPort },
    raw: sip.text,
  }
}

/** RFC 3339 with microseconds. */
const timestampOf = (timeUs: number): string =>
  new Date(timeUs / 1_000).toISOString().replace('Z', `${String(timeUs % 1_000).padStart(3, '0')}Z`)
