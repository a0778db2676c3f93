import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** A carrier's SIP server over UDP: answers each OPTIONS with a status, or not at all (0). */
export async function startSipPeer(first = 200) {
  let status = first
  const requests: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (data, { address, port }) => {
    const text = data.toString()
    requests.push(text)
    if (status === 0) return
    const kept = text.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line))
    const answer = [`SIP/2.0 ${status} Whatever`, ...kept, 'Content-Length: 0', '', ''].join('\r\n')
    // What is not an answer to this request must not count as one.
    socket.send(answer.replace(/branch=[^;]+/, 'branch=z9hG4bKother').replace(` ${status} `, ' 503 '), port, address)
    socket.send(answer.replace(` ${status} `, ' 100 '), port, address)
    socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  return {
    hostname: `127.0.0.1:${port}`,
    port,
    requests,
    answerWith(next: number) {
      status = next
    },
    close: () => socket.close(),
  }
}
