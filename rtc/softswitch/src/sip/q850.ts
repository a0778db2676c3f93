/** Q.850 causes with the texts that ARI clients know from Asterisk. */
const CAUSE_TEXT: Record<number, string> = {
  1: 'Unallocated (unassigned) number',
  2: 'No route to specified transmit network',
  3: 'No route to destination',
  5: 'Misdialed trunk prefix',
  6: 'Channel unacceptable',
  7: 'Call awarded and being delivered in an established channel',
  8: 'Pre-empted',
  14: 'Number ported elsewhere',
  16: 'Normal Clearing',
  17: 'User busy',
  18: 'No user responding',
  19: 'User alerting, no answer',
  20: 'Subscriber absent',
  21: 'Call Rejected',
  22: 'Number changed',
  23: 'Redirected to new destination',
  26: 'Answered elsewhere',
  27: 'Destination out of order',
  28: 'Invalid number format',
  29: 'Facility rejected',
  30: 'Response to STATus ENQuiry',
  31: 'Normal, unspecified',
  34: 'Circuit/channel congestion',
  38: 'Network out of order',
  41: 'Temporary failure',
  42: 'Switching equipment congestion',
  43: 'Access information discarded',
  44: 'Requested channel not available',
  50: 'Facility not subscribed',
  52: 'Outgoing call barred',
  54: 'Incoming call barred',
  57: 'Bearer capability not authorized',
  58: 'Bearer capability not available',
  65: 'Bearer capability not implemented',
  66: 'Channel not implemented',
  69: 'Facility not implemented',
  81: 'Invalid call reference value',
  88: 'Incompatible destination',
  95: 'Invalid message unspecified',
  96: 'Mandatory information element is missing',
  97: 'Message type nonexist.',
  98: 'Wrong message',
  99: 'Info. element nonexist or not implemented',
  100: 'Invalid information element contents',
  101: 'Message not compatible with call state',
  102: 'Recover on timer expiry',
  103: 'Mandatory IE length error',
  111: 'Protocol error, unspecified',
  127: 'Interworking, unspecified',
}

export const causeText = (cause: number): string => CAUSE_TEXT[cause] ?? 'Unknown'

/** The SIP response that refuses a call for a cause; what is not listed is a plain 603 (Asterisk's chan_pjsip, after RFC 3398). */
const SIP_STATUS: Record<number, number> = {
  1: 404,
  2: 404,
  3: 404,
  17: 486,
  18: 408,
  19: 480,
  20: 480,
  21: 403,
  22: 410,
  23: 302,
  27: 502,
  28: 484,
  29: 501,
  31: 480,
  34: 503,
  38: 500,
  42: 503,
  58: 488,
  66: 503,
  127: 500,
}

/** 0 where a cause has no SIP status of its own. */
export const techCause = (cause: number): number => SIP_STATUS[cause] ?? 0

export const causeToStatus = (cause: number): number => techCause(cause) || 603

const CAUSE: Record<number, number> = {
  401: 21,
  403: 21,
  404: 1,
  407: 21,
  408: 18,
  409: 41,
  410: 22,
  420: 3,
  480: 19,
  483: 19,
  484: 28,
  485: 1,
  486: 17,
  488: 58,
  500: 38,
  501: 29,
  502: 27,
  503: 34,
  504: 102,
  600: 17,
  603: 21,
  604: 1,
  606: 58,
  607: 21,
  608: 21,
}

/** A redirect that is not followed is one; an unknown failure of class 5xx reads as congestion, any other as an interworking fault. */
export function statusToCause(status: number): number {
  const fallback = status < 400 ? 23 : status >= 500 && status < 600 ? 34 : 127
  return CAUSE[status] ?? fallback
}

/** Cause in a Reason header (RFC 3326), when the peer gives one. */
export function reasonCause(reason: string | undefined): number | undefined {
  const cause = /^\s*Q\.850\s*;.*?cause\s*=\s*(\d{1,3})/i.exec(reason ?? '')?.[1]
  return cause === undefined || Number(cause) > 127 ? undefined : Number(cause)
}

export const formatReason = (cause: number): string => `Q.850;cause=${cause}`
