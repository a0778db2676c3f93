import { formatParams, type Params, parseParams } from './params.ts'
import { parseHostPort } from './uri.ts'

/** One hop of RFC 3261 §20.42. */
export interface Via {
  transport: string
  host: string
  port?: number | undefined
  params: Params
}

/** RFC 3261 §8.1.1.7: a branch that begins so is unique, and identifies the transaction by itself. */
export const BRANCH_COOKIE = 'z9hG4bK'

export function parseVia(text: string): Via | null {
  const match = /^SIP\s*\/\s*2\.0\s*\/\s*([A-Za-z0-9-]+)\s+([^;\s]+)\s*(?::\s*(\d+))?\s*(?:;(.*))?$/is.exec(text.trim())
  if (!match) return null
  const [, transport = '', host = '', port, rest = ''] = match
  const address = parseHostPort(port === undefined ? host : `${host}:${port}`)
  const params = parseParams(rest)
  return address && params ? { transport: transport.toUpperCase(), ...address, params } : null
}

export function formatVia({ transport, host, port, params }: Via): string {
  return `SIP/2.0/${transport} ${host}${port === undefined ? '' : `:${port}`}${formatParams(params)}`
}
