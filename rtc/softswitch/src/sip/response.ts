import type { Headers, SipRequest } from './message.ts'

export interface ResponseOptions {
  reason?: string | undefined
  toTag?: string | undefined
  headers?: Headers | undefined
  body?: Buffer | undefined
}

// RFC 3261 §21, RFC 3515, RFC 4028, RFC 4412, RFC 6665
const REASONS: Record<number, string> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  410: 'Gone',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  603: 'Decline',
}

export const reasonPhrase = (status: number): string => REASONS[status] ?? 'Unknown'

/** The response to a request (RFC 3261 §8.2.6.2): Via, From, To, Call-ID and CSeq copied, the To tag added. */
export function buildResponse(
  request: SipRequest,
  status: number,
  { reason, toTag, headers = [], body }: ResponseOptions = {},
) {
  const copied: Headers = []
  for (const [name, value] of request.headers) {
    if (name === 'via' || name === 'from' || name === 'call-id' || name === 'cseq') copied.push([name, value])
    else if (name === 'to')
      copied.push([name, toTag && !request.to.params.has('tag') ? `${value};tag=${toTag}` : value])
    // §12.1.1: a response that makes a dialog copies every Record-Route.
    else if (name === 'record-route' && request.method === 'INVITE' && status > 100 && status < 300)
      copied.push([name, value])
  }
  return {
    kind: 'response' as const,
    status,
    reason: reason ?? reasonPhrase(status),
    headers: [...copied, ...headers],
    body: body ?? Buffer.alloc(0),
  }
}
