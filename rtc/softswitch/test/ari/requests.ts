import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

export function badRequests(lab: () => Lab) {
  test('what is not there is a 404 with a message', async () => {
    const { ari } = lab()
    const channelMissing = { status: 404, body: { message: expect.stringMatching(/channel (was )?not found$/i) } }
    expect(await ari.get('channels/none')).toEqual(channelMissing)
    for (const verb of ['answer', 'ring', 'mute', 'moh', 'silence', 'hold', 'progress']) {
      expect(await ari.post(`channels/none/${verb}`)).toEqual(channelMissing)
    }
    expect(await ari.post('channels/none/play', { query: { media: 'tone:440' } })).toEqual(channelMissing)
    expect(await ari.post('channels/none/dtmf', { query: { dtmf: '1' } })).toEqual(channelMissing)
    expect(await ari.post('channels/none/record', { query: { name: 'x', format: 'wav' } })).toEqual(channelMissing)
    expect(await ari.post('channels/none/snoop', { query: { spy: 'both', app: 'sidetone' } })).toEqual(channelMissing)
    expect((await ari.get('nothing')).status).toBe(404)
  })

  test('a method that the path does not have is a 405', async () => {
    expect((await lab().ari.put('channels')).status).toBe(405)
  })

  test('a body that is not JSON is a 400', async () => {
    const { status, body } = await lab().ari.post('channels', { body: '{' })
    expect({ status, body }).toEqual({ status: 400, body: { message: 'Error parsing request body' } })
  })

  test.each([
    [{ app: 'sidetone' }, 'Endpoint must be specified'],
    [{ endpoint: 'PJSIP', app: 'sidetone' }, 'Invalid endpoint specified'],
    [{ endpoint: 'PJSIP/call-out/sip:a@127.0.0.1:9' }, 'Application or extension must be specified'],
  ])('originating with %j is a 400', async (query, message) => {
    expect(await lab().ari.post('channels', { query })).toEqual({ status: 400, body: { message } })
  })

  test.each(['Nope/x', 'PJSIP/no-such-endpoint/sip:a@127.0.0.1:9'])(
    'originating to %s is refused',
    async (endpoint) => {
      const { ari } = lab()
      const { status } = await ari.post('channels', { query: { endpoint, app: 'sidetone' } })
      expect(status).toBeGreaterThanOrEqual(400) // Asterisk says 500, or 409 when the request before was a conflict
      expect((await ari.get('channels')).body).toEqual([])
    },
  )

  test('a reason to hang up that is not known is a 400, and the call goes on', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    expect(await ari.delete(path, { reason: 'boredom' })).toEqual({
      status: 400,
      body: { message: 'Invalid reason for hangup reason provided' },
    })
    expect((await ari.delete(path, { reason_code: 'abc' })).status).toBe(400)
    expect((await ari.get(path)).body.state).toBe('Up')
  })

  test('what lacks its subject is refused', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    const message = expect.any(String)
    expect(await ari.post(`${path}/dtmf`)).toEqual({ status: 400, body: { message: 'DTMF is required' } })
    expect(await ari.post(`${path}/snoop`, { query: { app: 'sidetone' } })).toMatchObject({
      status: 400,
      body: { message },
    })
    expect(await ari.post(`${path}/snoop`, { query: { spy: 'both' } })).toMatchObject({
      status: 400,
      body: { message },
    })
    expect(await ari.post(`${path}/mute`, { query: { direction: 'up' } })).toMatchObject({
      status: 400,
      body: { message },
    })
    expect((await ari.post(`${path}/play`)).status).toBeGreaterThanOrEqual(400)
    expect((await ari.post(`${path}/record`, { query: { format: 'wav' } })).status).toBeGreaterThanOrEqual(400)
  })

  test('a recording cannot be stored outside the folder of recordings', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    const { status } = await ari.post(`${path}/record`, { query: { name: '../outside', format: 'wav' } })
    expect(status).toBeGreaterThanOrEqual(400)
  })
}
