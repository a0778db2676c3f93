import type { AriContext } from './route.ts'
import { type AriResponse, answer } from './router.ts'

/** REST over the WebSocket: a RESTRequest is answered by a RESTResponse on the same connection. */
export function handleRestMessage(context: AriContext, app: string, text: string, send: (text: string) => void): void {
  const respond = (request: Record<string, unknown>, uri: string, response: AriResponse) => {
    send(
      JSON.stringify({
        type: 'RESTResponse',
        transaction_id: string(request.transaction_id),
        request_id: string(request.request_id),
        status_code: response.status,
        reason_phrase: response.reason,
        uri,
        ...(response.contentType && { content_type: response.contentType }),
        ...(response.body !== undefined && { message_body: response.body.toString() }),
        application: app,
        asterisk_id: context.asteriskId,
      }),
    )
  }

  let request: Record<string, unknown>
  try {
    request = JSON.parse(text)
  } catch {
    respond({}, '', { status: 400, reason: 'Failed to parse request message JSON' })
    return
  }
  if (request?.type !== 'RESTRequest') {
    const body = JSON.stringify({ message: 'Unknown request type.' })
    respond(request ?? {}, '', { status: 400, reason: 'Bad request', contentType: 'application/json', body })
    return
  }
  const uri = string(request.uri)
  const [path = '', search = ''] = uri.split('?')
  const query = new URLSearchParams(search)
  if (Array.isArray(request.query_strings)) {
    for (const entry of request.query_strings) query.append(string(entry?.name), string(entry?.value))
  }
  // Asterisk takes `channels/…` without a leading slash.
  answer(context, {
    method: string(request.method).toUpperCase(),
    path: `/${path.replace(/^\//, '').replace(/^ari\//, '')}`,
    query,
    contentType: string(request.content_type) || undefined,
    body: string(request.message_body),
  }).then((response) => respond(request, path, response), context.onError)
}

const string = (value: unknown): string => (typeof value === 'string' ? value : '')
