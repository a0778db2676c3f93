import { once } from 'node:events'
import { WebSocket } from 'ws'

export interface AriAccess {
  ariUrl: string
  user: string
  password: string
}

/** What the application does with each call; `rooms` brings so many together. */
export type Behaviour = { kind: 'answer' | 'record' | 'play' | 'echo' } | { kind: 'rooms'; size: number }

type Event = {
  type: string
  channel?: { id: string }
  playback?: { target_uri: string }
  recording?: { target_uri: string }
}

export const recordingName = 'bench'

/** The least that an ARI application in Node can be: REST over its WebSocket, no library, nothing kept but rooms. */
export async function startApplication({ ariUrl, user, password }: AriAccess) {
  const url = `${ariUrl.replace('http', 'ws')}/events?app=sidetone&subscribeAll=false`
  const socket = new WebSocket(url, { auth: `${user}:${password}` })
  let behaviour: Behaviour = { kind: 'answer' }
  let requests = 0
  let joined = 0
  const failures: string[] = []
  const roomOf = new Map<string, string>()
  const membersOf = new Map<string, number>()

  /** Requests of one socket are worked on in their order, so none has to wait here. */
  const rest = (method: string, uri: string, body?: object) => {
    const request_id = `${++requests} ${method} ${uri}`
    const content = body && { content_type: 'application/json', message_body: JSON.stringify(body) }
    socket.send(
      JSON.stringify({ type: 'RESTRequest', transaction_id: request_id, request_id, method, uri, ...content }),
    )
  }
  const hangUp = (target: string) => rest('DELETE', `channels/${target.replace('channel:', '')}`)

  function started(id: string) {
    if (id.startsWith('echo-')) return rest('POST', `bridges/bridge-${id.slice(5)}/addChannel?channel=${id}`)
    rest('POST', `channels/${id}/answer`)
    if (behaviour.kind === 'record') {
      rest('POST', `channels/${id}/record`, { name: recordingName, format: 'wav', maxDurationSeconds: 1 })
    } else if (behaviour.kind === 'play') rest('POST', `channels/${id}/play`, { media: `recording:${recordingName}` })
    else if (behaviour.kind === 'rooms') join(id, `room-${Math.floor(joined++ / behaviour.size)}`)
    else if (behaviour.kind === 'echo') {
      join(id, `bridge-${id}`)
      rest('POST', 'channels', { endpoint: 'Local/echo@svc-echo', app: 'sidetone', channelId: `echo-${id}` })
    }
  }

  function join(id: string, room: string) {
    const members = membersOf.get(room) ?? 0
    if (members === 0) rest('POST', `bridges/${room}?type=mixing`)
    membersOf.set(room, members + 1)
    roomOf.set(id, room)
    rest('POST', `bridges/${room}/addChannel?channel=${id}`)
  }

  function left(id: string) {
    const room = roomOf.get(id)
    if (!room) return
    roomOf.delete(id)
    membersOf.set(room, membersOf.get(room)! - 1)
    if (membersOf.get(room) !== 0) return
    membersOf.delete(room)
    rest('DELETE', `bridges/${room}`)
    if (room.startsWith('bridge-')) rest('DELETE', `channels/echo-${id}`)
  }

  socket.on('message', (data) => {
    const event = JSON.parse(String(data)) as Event & { request_id: string; status_code: number }
    if (event.type === 'StasisStart') started(event.channel!.id)
    else if (event.type === 'StasisEnd') left(event.channel!.id)
    else if (event.type === 'PlaybackFinished') hangUp(event.playback!.target_uri)
    else if (event.type === 'RecordingFinished') hangUp(event.recording!.target_uri)
    // 404: the other side has hung up meanwhile.
    else if (event.type === 'RESTResponse' && event.status_code >= 300 && event.status_code !== 404)
      failures.push(`${event.request_id}: ${event.status_code}`)
  })
  await once(socket, 'open')

  return {
    commands: {
      behave(wanted: Behaviour) {
        behaviour = wanted
        joined = 0
      },
      failures: () => failures.splice(0),
    },
    async stop() {
      socket.close()
      await once(socket, 'close')
    },
  }
}
