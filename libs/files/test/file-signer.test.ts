import { expect, test } from 'vitest'
import { createFileSigner } from '../src/index.ts'

const signer = createFileSigner({ baseUrl: 'http://gateway:8080', secret: 'secret' })
const key = 'recordings/a b+ü.wav'

test('an address grants the file it was made for, under its name', () => {
  const url = new URL(signer.url(key, { expiresSeconds: 60, filename: 'call 1.wav' }))
  expect(url.href.startsWith('http://gateway:8080/files/recordings/')).toBe(true)
  expect(signer.verify(url)).toEqual({ key, filename: 'call 1.wav' })
  expect(signer.verify(new URL(signer.url(key, { expiresSeconds: 60 })))).toEqual({ key, filename: undefined })
})

test('an address that has expired, was changed or was signed elsewhere grants nothing', () => {
  const address = signer.url(key, { expiresSeconds: 60, filename: 'a.wav' })
  const changed = [
    address.replace('/recordings/', '/secrets/'),
    address.replace('filename=a', 'filename=b'),
    address.replace(/expires=\d/, 'expires=9'),
    address.replace(/signature=.*/, 'signature='),
    address.replace(/expires=\d+/, ''),
    address.replace('/recordings/', '/%E0%A4%A/'),
    signer.url(key, { expiresSeconds: -1 }),
    createFileSigner({ baseUrl: 'http://gateway:8080', secret: 'other' }).url(key, { expiresSeconds: 60 }),
  ]
  for (const wrong of changed) expect(signer.verify(new URL(wrong))).toBeUndefined()
})
