import { AsyncLocalStorage } from 'node:async_hooks'
import type { Actor, Identity } from '@sidetone/contract'

/** What the running code works for: a request, or the event that it reacts to. */
export interface CurrentRequest {
  request_id: string
  /** Epoch milliseconds; bounds every nested call. `Infinity` for reactions to events. */
  deadline: number
  identity: Identity
  /** Who from outside is behind it, if anybody. */
  actor: Actor | undefined
  /** `tag.get`, or the type of the event. */
  operation: string
}

const storage = new AsyncLocalStorage<CurrentRequest>()

/** The request that the calling code works for, if any; for log lines and nested calls. */
export const currentRequest = (): CurrentRequest | undefined => storage.getStore()

/** Runs `work` for a request: calls to managers inside it share its request id and deadline. */
export const runForRequest = <T>(request: CurrentRequest, work: () => T): T => storage.run(request, work)
