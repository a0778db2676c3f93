import type { OutboundContext } from '../call/outbound-sip.ts'
import type { Registrations } from '../call/registrations.ts'
import type { AwaitedSockets } from '../call/websocket-media.ts'
import type { Location } from '../sip/location.ts'
import type { Apps } from './apps.ts'

/** An ARI error: its status, the text Asterisk gives with it, and rarely a reason phrase of its own. */
export class AriError extends Error {
  readonly status: number
  readonly reason: string | undefined
  constructor(status: number, message: string, reason?: string) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

/** What Asterisk answers when it could not make a thing; the one error with a body of another shape. */
export const allocationFailed = () => new AriError(500, 'Allocation failed')

export interface AriRequest {
  params: Record<string, string>
  /** Query and body together: the body wins, as in Asterisk. */
  args: Record<string, unknown>
}

export type AriReply =
  | { status: 204 }
  | { status: 200 | 201; body: unknown }
  | { status: 200; file: Buffer; contentType: string }

export interface AriContext extends OutboundContext {
  apps: Apps
  location: Location
  registrations: Registrations
  asteriskId: string
  startedAt: Date
  maxCalls: number
  /** Whether there is no room for a call more. */
  full(): boolean
  variables: Map<string, string>
  awaitedSockets: AwaitedSockets
  /** A fault of ours, to be logged. */
  onError(error: unknown): void
}

export type Handler = (context: AriContext, request: AriRequest) => AriReply | Promise<AriReply>
export type Routes = Record<string, Handler>

export const NO_CONTENT: AriReply = { status: 204 }
export const ok = (body: unknown): AriReply => ({ status: 200, body })

export function text(args: Record<string, unknown>, name: string): string | undefined {
  const value = args[name]
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** A list: a comma string in the query, an array (or one value) in the body. */
export function list(args: Record<string, unknown>, name: string): string[] {
  const value = args[name]
  if (Array.isArray(value)) return value.filter((item): item is string => typeof item === 'string')
  return typeof value === 'string' && value !== '' ? [value] : []
}

export function integer(args: Record<string, unknown>, name: string, fallback: number): number {
  const number = Number.parseInt(text(args, name) ?? '', 10)
  return Number.isNaN(number) ? fallback : number
}

export const flag = (args: Record<string, unknown>, name: string): boolean =>
  ['true', 'yes', 'on', '1'].includes((text(args, name) ?? '').toLowerCase())

/** The arguments that StasisStart carries. */
export const appArgs = (args: Record<string, unknown>): string[] => text(args, 'appArgs')?.split(',') ?? []
