/** The base timers of RFC 3261 §17.1.1.1; tests make them smaller. */
export interface SipTimers {
  t1Ms: number
  t2Ms: number
  t4Ms: number
}

export const SIP_TIMERS: SipTimers = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 }

/** Calls `resend` after `firstMs`, then at doubling intervals that stop growing at `capMs`. Returns the stop. */
export function resendWithBackoff(resend: () => void, firstMs: number, capMs: number): () => void {
  let interval = firstMs
  const tick = () => {
    resend()
    interval = Math.min(interval * 2, capMs)
    timer = setTimeout(tick, interval)
  }
  let timer = setTimeout(tick, interval)
  return () => clearTimeout(timer)
}
