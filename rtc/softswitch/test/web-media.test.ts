import { readFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createOutbound } from '@sidetone/outbound'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { createWebMedia } from '../src/call/web-media.ts'
import { createMp3Decoder } from '../src/media/index.ts'
import { sine, wavFile } from './media/wav-file.ts'

let answer: (response: ServerResponse, headers: IncomingHttpHeaders) => void
let asked = 0
let nowMs = 0
const server = createServer((request, response) => {
  asked++
  answer(response, request.headers)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sound`
const outbound = createOutbound({
  allow: ['127.0.0.0/8'],
  timeoutMs: 2000,
  maxBytes: 1_000_000,
  maxRedirects: 0,
  userAgent: 'test',
})
const mp3 = createMp3Decoder()
afterAll(async () => {
  server.close()
  await Promise.all([outbound.close(), mp3.close()])
})
beforeEach(() => {
  asked = 0
  nowMs = Date.now()
})

const web = (maxCacheBytes = 1_000_000) =>
  createWebMedia({
    maxCacheBytes,
    fetch: (address, headers) => outbound.fetch(address, { headers }),
    decodeMp3: mp3.decode,
    now: () => nowMs,
  })
const wav = (ms = 100) => wavFile({ samples: sine(440, 8000, ms) })
const gives = (headers: Record<string, string>, body = wav()) => {
  answer = (response) => response.writeHead(200, headers).end(body)
}

test('a file is fetched again only when its time is over', async () => {
  gives({ 'cache-control': 'public, max-age=60' })
  const media = web()
  expect((await media.get(url)).length).toBe(800)
  nowMs += 59_000
  await media.get(url)
  expect(asked).toBe(1)
  nowMs += 2000
  gives({ 'cache-control': 'max-age=60' }, wav(200))
  expect((await media.get(url)).length).toBe(1600)
  expect(asked).toBe(2)
})

test('a server that names no time is asked whether the file has changed, and sends it only then', async () => {
  let tag = '"one"'
  let sent = 0
  answer = (response, headers) => {
    if (headers['if-none-match'] === tag) return response.writeHead(304).end()
    sent++
    response.writeHead(200, { etag: tag }).end(wav(sent * 100))
  }
  const media = web()
  for (let i = 0; i < 3; i++) expect((await media.get(url)).length).toBe(800)
  expect({ asked, sent }).toEqual({ asked: 3, sent: 1 })
  tag = '"two"'
  expect((await media.get(url)).length).toBe(1600)
})

test.each([{ 'cache-control': 'no-store, max-age=60' }, {}])('with the headers %j nothing is kept', async (headers) => {
  gives(headers as Record<string, string>)
  const media = web()
  await media.get(url)
  await media.get(url)
  expect(asked).toBe(2)
})

test('many calls that want one file at once fetch it once', async () => {
  gives({})
  const media = web()
  await Promise.all(Array.from({ length: 20 }, () => media.get(url)))
  expect(asked).toBe(1)
})

test('what is kept has a bound: what was played least recently goes', async () => {
  const media = web(7000) // four of 1600 bytes
  gives({ 'cache-control': 'max-age=600' })
  for (const name of ['a', 'b', 'c', 'd']) await media.get(`${url}/${name}`)
  await media.get(`${url}/a`)
  expect(asked).toBe(4)
  await media.get(`${url}/e`)
  await media.get(`${url}/a`)
  expect(asked).toBe(5)
  await media.get(`${url}/b`)
  expect(asked).toBe(6)
})

test('an MP3 is known by what it begins with, whatever its name', async () => {
  gives({ 'content-type': 'audio/wav' }, await readFile(join(import.meta.dirname, 'media/files/440-and-1000.mp3')))
  expect((await web().get(url)).rateHz).toBe(22_050)
})

test.each([
  ['404', (response: ServerResponse) => response.writeHead(404).end(), 'it answered 404'],
  ['a web page', (response: ServerResponse) => response.end('<html>no</html>'), 'the 15 bytes are neither WAV nor MP3'],
  ['a broken connection', (response: ServerResponse) => response.destroy(), 'could not be fetched'],
])('%s is a reason, and no reason not to try again', async (_, how, message) => {
  answer = how
  const media = web()
  await expect(media.get(url)).rejects.toThrow(message)
  gives({})
  expect((await media.get(url)).length).toBe(800)
})
