export interface Endpoint {
  address: string
  port: number
}

// How long a source must be silent before another one may take its place.
const silenceMs = 1000

const same = (a: Endpoint | undefined, b: Endpoint | undefined) => a?.address === b?.address && a?.port === b?.port

/**
 * Symmetric RTP: the peer is where its packets come from, which behind a NAT is not what its SDP says.
 * Whoever sprays packets at our ports must not take a call over: the latched source stays until it falls silent,
 * and the address that the SDP named always wins.
 */
export function createLatch() {
  let named: Endpoint | undefined
  let source: Endpoint | undefined
  let heardAt = 0
  let previous: Endpoint | undefined
  let previousUntil = 0

  return {
    /** The address in the peer's SDP. A new one frees the latch, except for what is still on its way from the old source. */
    expect(endpoint: Endpoint, nowMs: number) {
      if (named && !same(named, endpoint)) {
        previous = source
        previousUntil = nowMs + silenceMs
        source = undefined
      }
      named = { address: endpoint.address, port: endpoint.port }
    },
    accepts(from: Endpoint, nowMs: number): boolean {
      if (source && same(from, source)) {
        heardAt = nowMs
        return true
      }
      if (!same(from, named)) {
        if (source && nowMs - heardAt < silenceMs) return false
        if (same(from, previous) && nowMs < previousUntil) return true
      }
      source = { address: from.address, port: from.port }
      heardAt = nowMs
      return true
    },
    /** Whether it comes from where we send to; says nothing new about that. */
    isPeer: (from: Endpoint) => same(from, source ?? named),
    /** Where to send. */
    target: (): Endpoint | undefined => source ?? named,
  }
}
