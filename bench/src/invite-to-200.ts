import { createPhone, type Phone } from '@sidetone/e2e'
import { startSoftswitch } from '@sidetone/softswitch'
import { WebSocket } from 'ws'
import { benchmark } from './benchmark.ts'
import { demoNumber, startPlatform } from './platform.ts'
import { alternate, median, percentile, ratios, spread } from './report.ts'

const rounds = 5
const warmUpCalls = 10
const callsInRound = 30
const targetMs = 30

/** The switch without a platform: its one application answers every call at once. */
async function bareSwitch() {
  const softswitch = await startSoftswitch({
    sipPort: 0,
    bindAddress: '127.0.0.1',
    rtpPortMin: 0,
    rtpPortMax: 0,
    lookup: async () => null,
  })
  const { ariUrl, ariUser, ariPassword, sipPort } = softswitch
  const url = `${ariUrl.replace('http', 'ws')}/events?app=sidetone&subscribeAll=true`
  const ari = new WebSocket(url, { auth: `${ariUser}:${ariPassword}` })
  ari.on('message', (data) => {
    const event = JSON.parse(String(data)) as { type: string; channel: { id: string } }
    if (event.type !== 'StasisStart') return
    const { id } = event.channel
    ari.send(
      JSON.stringify({
        type: 'RESTRequest',
        transaction_id: id,
        request_id: id,
        method: 'POST',
        uri: `channels/${id}/answer`,
      }),
    )
  })
  await new Promise((resolve) => ari.once('open', resolve))
  return {
    ready: sipPort,
    async stop() {
      ari.close()
      await softswitch.close()
    },
  }
}

/** Calls one after the other: milliseconds from each INVITE to its 200. */
async function callTimes(phone: Phone, host: string, calls: number): Promise<number[]> {
  const times: number[] = []
  for (let count = 0; count < calls; count++) {
    const call = await phone.call(`sip:${demoNumber}@${host}`)
    const sent = performance.now()
    await call.answered
    times.push(performance.now() - sent)
    await call.hangup()
    await call.ended
  }
  return times
}

await benchmark({ bareSwitch }, async (start) => {
  const bare = await start<number>('bareSwitch')
  const platform = await startPlatform()
  const { host } = platform
  const [phone, barePhone] = await Promise.all(
    [platform.sipPort, bare.ready].map((port) => createPhone({ server: { host, port } })),
  )
  try {
    await callTimes(phone!, host, warmUpCalls)
    await callTimes(barePhone!, host, warmUpCalls)
    const results = await alternate(
      rounds,
      () => callTimes(phone!, host, callsInRound),
      () => callTimes(barePhone!, host, callsInRound),
    )
    return [0.5, 0.99].map((share) => {
      const ours = results.ours.map((times) => percentile(times, share))
      const limit = results.limit.map((times) => percentile(times, share))
      const isTarget = share === 0.5
      return {
        name: isTarget ? 'INVITE to 200 p50 (limit: switch alone)' : '  p99 of a round',
        ours: spread(ours, ' ms'),
        limit: spread(limit, ' ms'),
        ratio: spread(ratios(ours, limit)),
        target: isTarget ? `< ${targetMs} ms` : '',
        met: !isTarget || median(ours) < targetMs,
      }
    })
  } finally {
    await phone!.close()
    await barePhone!.close()
    await platform.stop()
  }
})
