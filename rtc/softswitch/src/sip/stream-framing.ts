import { contentLength, endOfHead, MAX_BODY_BYTES, MAX_HEADER_BYTES, parseHeaders } from './parse-message.ts'

export interface StreamFramer {
  /** Gives the whole messages found so far. `null`: the stream cannot be trusted any more and must be closed. */
  push(chunk: Buffer): Buffer[] | null
}

/** Cuts a byte stream into messages by Content-Length (RFC 3261 §18.3), answering keep-alives (RFC 5626 §3.5.1). */
export function createStreamFramer(onPing: () => void): StreamFramer {
  let pending: Buffer = Buffer.alloc(0)
  return {
    push(chunk) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const messages: Buffer[] = []
      for (;;) {
        // §7.5: empty lines before the start line are skipped; a double CRLF is a ping that wants a pong.
        let skip = 0
        while (pending.length >= skip + 2 && pending[skip] === 13 && pending[skip + 1] === 10) skip += 2
        if (skip >= 4) onPing()
        if (skip > 0) pending = pending.subarray(skip)
        if (pending.length === 0) return messages

        const headEnd = endOfHead(pending)
        if (headEnd < 0) return pending.length > MAX_HEADER_BYTES ? null : messages
        const headers = parseHeaders(
          pending
            .toString('utf8', 0, headEnd - 4)
            .split('\r\n')
            .slice(1),
        )
        const declared = typeof headers === 'string' ? null : contentLength(headers)
        const length = declared === undefined ? 0 : declared
        // Without a usable length nobody can say where the next message begins.
        if (length === null || length > MAX_BODY_BYTES || headEnd > MAX_HEADER_BYTES) return null
        if (pending.length < headEnd + length) return messages
        messages.push(pending.subarray(0, headEnd + length))
        pending = pending.subarray(headEnd + length)
      }
    },
  }
}
